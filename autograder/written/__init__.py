"""Written answers: taken out of submissions, laid out for people, and their scores taken in.

answers.py  which cells of a submission answer which question
scores.py   OUT/written.csv: what people gave, applied to a Result
pages.py    a page a question for those who read, a document a submission for Gradescope
pdf.py      a document with one page a question, where there is a browser
"""
