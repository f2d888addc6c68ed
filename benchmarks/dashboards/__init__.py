"""How fast the dashboards are in a real browser, on a fleet of 50,000 instances."""
