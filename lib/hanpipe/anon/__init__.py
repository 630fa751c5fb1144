"""Octets of a meter -> octets that may be published: names replaced by invented ones, every check remade."""
