"""HDLC frame format type 3, as meters push it: IEC 62056-46, ISO/IEC 13239.

Its record: HDLC frame from frame format to FCS, without flags; HCS and FCS agree.
"""
