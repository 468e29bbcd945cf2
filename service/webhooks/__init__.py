"""Webhooks out: other programs are told what ended, in the form of Standard Webhooks."""
