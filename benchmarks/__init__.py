"""Measurements of the package beside other libraries; nothing here is a test."""
