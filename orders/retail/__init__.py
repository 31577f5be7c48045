"""Imports a retailer's invoices, in the format of the data set *Online Retail*, through the HTTP API.

The data set: D. Chen, UCI Machine Learning Repository, https://doi.org/10.24432/C5BW33.
"""
