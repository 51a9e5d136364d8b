"""Commands for those who work on the book; nothing here is needed to read it."""
