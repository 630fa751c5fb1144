"""Ciphered APDUs against gurux-dlms, which shares nothing with ours: each reads what the other writes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ciphering import AUTHENTICATION, KEY, LONG, TITLE, ded, glo, untitled

from hanpipe.apdu.ciphering import read_ciphered
from hanpipe.apdu.deciphering import Deciphering
from hanpipe.apdu.keys import Keys, Line

pytest.importorskip("gurux_dlms", reason="gurux-dlms is not installed")
from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.enums import Security
from gurux_dlms.GXByteBuffer import GXByteBuffer
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.objects.enums.SecuritySuite import SecuritySuite

SENT = {0xDB: glo, 0xDC: ded}
SUITES = [(0, KEY), (1, KEY), (2, LONG)]
CONTROLS = {"A": 0x10, "E": 0x20, "E+A": 0x30}
texts = st.binary(min_size=1, max_size=60)
counters = st.integers(0, 2**32 - 1)


def parameters(tag, suite, key, control, counter):
    made = AesGcmParameter(tag, bytearray(TITLE), bytearray(key), bytearray(AUTHENTICATION))
    made.security, made.securitySuite, made.invocationCounter = Security(control), SecuritySuite(suite), counter
    return made


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
@pytest.mark.parametrize(("suite", "key"), SUITES)
@pytest.mark.parametrize("tag", SENT)
@settings(max_examples=10)
@given(text=texts, counter=counters, titled=st.booleans())
def test_we_open_what_gurux_writes(tag, suite, key, control, text, counter, titled):
    theirs = parameters(tag, suite, key, control, counter)
    theirs.ignoreSystemTitle = not titled
    apdu = bytes(GXDLMSChippering.encryptAesGcm(theirs, bytearray(text)))
    deciphering = Deciphering(Keys([Line(TITLE, key, AUTHENTICATION)]))
    found, keys = deciphering.open(read_ciphered(apdu), lambda octets: True)
    assert (found, keys["invocation_counter"], keys["system_title"]) == (text, counter, TITLE.hex())
    assert keys["authenticated"] is bool(control & 0x10)


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
@pytest.mark.parametrize(("suite", "key"), SUITES)
@pytest.mark.parametrize("tag", SENT)
@settings(max_examples=10)
@given(text=texts, counter=counters, titled=st.booleans())
def test_gurux_opens_what_our_tests_write(tag, suite, key, control, text, counter, titled):
    apdu = SENT[tag](text, control=control | suite, counter=counter, key=key)
    theirs = parameters(tag, suite, key, control, 0)
    data = GXByteBuffer(apdu if titled else untitled(apdu))
    assert bytes(GXDLMSChippering.decryptAesGcm(None, theirs, data)) == text
