"""Segmentation: who is worth what, what customers do, and what to offer whom."""

from crmlib.segmentation.customer_totals import CustomerTotals, customer_totals

__all__ = ["CustomerTotals", "customer_totals"]
