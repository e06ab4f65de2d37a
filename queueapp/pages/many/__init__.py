"""Many jobs from a pasted text or a file: read, checked line by line, then submitted all at once.

text.py makes text of a file, rows.py a job of each line, check.py says what is wrong with them, views.py is the page.
"""
