"""Surefoot: which optimizer, with which settings, should train this model?"""
