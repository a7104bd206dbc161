"""Builders, fakes and asserts that tests share."""
