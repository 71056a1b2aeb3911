"""Kernels beside their peers and beside what memory allows, measured in one run.

`works` says what is measured, `measure` how, and `report` shows it.
"""
