"""The arguments of han-mqtt that name things in MQTT."""

import argparse
import re

from hanpipe.unix.options import is_host, positive_integer


def host(text: str) -> str:
    """Read a host name or address. raise: ArgumentTypeError."""
    name, _, port = text.rpartition(":")
    if port.isdigit() and name and ":" not in name:
        raise argparse.ArgumentTypeError(f"expected a host without its port, got '{text}': add --port {port}")
    if not re.fullmatch(r"[\w.:%-]+", text) or not is_host(text):
        raise argparse.ArgumentTypeError(f"expected a host name or address, got '{text}'")
    return text


def port(text: str) -> int:
    """Read a port. raise: ArgumentTypeError."""
    number = positive_integer(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"expected a port up to 65535, got {text}")
    return number


def topic(text: str) -> str:
    """Read the first levels of a topic. raise: ArgumentTypeError."""
    if not re.fullmatch(r"[^+#/$][^+#]{0,100}", text) or not text.isprintable() or text.endswith("/"):
        raise argparse.ArgumentTypeError(f"expected the beginning of a topic, without + and #, got '{text}'")
    return text


def meter(text: str) -> str:
    """Read a name for the meter. raise: ArgumentTypeError."""
    if not re.fullmatch(r"[ -~]{1,100}", text) or not re.search(r"\w", text):
        raise argparse.ArgumentTypeError(f"expected a name of ASCII characters, got '{text}'")
    return text


def client_id(text: str) -> str:
    """Read a client id. raise: ArgumentTypeError."""
    if not re.fullmatch(r"[\w.:-]{1,100}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected a client id of letters, digits and . : _ -, got '{text}'")
    return text
