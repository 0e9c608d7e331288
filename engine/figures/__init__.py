"""Figures: pure functions from arrays to what Plotly draws; they carry no theme, the browser colours them."""
