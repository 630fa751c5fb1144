"""P1 telegrams: IEC 62056-21 mode D, as DSMR 2.2 to 5, Fluvius, Luxembourg, Sweden and others use it.

Its record: P1 telegram from `/` to the line end after the CRC; its CRC agrees, or it is of a kind that has no CRC.
"""
