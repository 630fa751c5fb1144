"""A meter made of software: han-fake's household, its meters as data, and the encoder that says what they send."""
