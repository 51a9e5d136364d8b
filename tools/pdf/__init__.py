"""Print the built book: one PDF of the whole book, and a handout of every chapter.

``site`` reads the built pages; ``clean`` makes a page fit for paper and ``solutions`` moves what
stood folded to the end; ``links`` lets several pages live in one file; ``document`` puts a title
page and a table of contents in front of them; ``printing`` has a browser print the file, twice,
since the numbers in the contents are known only after the first time.
"""
