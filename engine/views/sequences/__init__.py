"""Sequences: what recurrent layers remember, through which gates, and how far back they learn."""
