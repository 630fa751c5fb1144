"""Frames and APDUs as gurux-dlms reads them: a decoder that shares nothing with ours. Import it after importorskip."""

from collections.abc import Iterable
from typing import Any

from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.secure import GXDLMSSecureClient

LINKS = {"hdlc": InterfaceType.HDLC, "mbus": InterfaceType.WIRED_MBUS, "apdu": InterfaceType.PDU}


def bodies(pieces: Iterable[bytes], link: str, key: bytes = b"", authentication_key: bytes = b"") -> list[Any]:
    """Return the notification-bodies in frames (or APDUs), each as gurux-dlms has it; its exceptions are its own."""
    client = GXDLMSSecureClient(True, 1, 1, Authentication.NONE, None, LINKS[link])
    if key:
        client.ciphering.blockCipherKey = bytearray(key)
        client.ciphering.authenticationKey = bytearray(authentication_key or bytes(16))
    reply, notification, found = GXReplyData(), GXReplyData(), []
    for piece in pieces:
        client.getData(GXByteBuffer(piece), reply, notification)
        if notification.isComplete() and not notification.isMoreData():
            found.append(notification.value)
            reply, notification = GXReplyData(), GXReplyData()
    return found
