"""Answers as tables: the columns that a model comes to, data frames of the rows, files of those."""
