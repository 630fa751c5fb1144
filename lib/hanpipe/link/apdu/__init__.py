"""No link layer: the input is an APDU, or several ciphered ones in a row; or an HDLC frame without flags.

Its record: an APDU without a frame: with `--link apdu` the whole input (an LLC header may precede it,
and a notification-body may come alone), or a ciphered APDU that the meter sent so.
"""
