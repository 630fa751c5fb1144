"""An archive -> one page with its pictures: for a browser, for paper, or as a picture for a mail."""
