"""Secrets Manager in memory, written for the tests from AWS's documentation: short, slow, and sharing no code.

state      secrets, versions and staging labels, and how labels move
service    the operations, one method each, answering or refusing as the real one must
listing    filters, order, and what lists and batches hold
replay     runs one request against the product and the model, and compares what both say
"""
