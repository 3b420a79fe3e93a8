"""Faults at random moments against real runs: is the last good report always there?"""
