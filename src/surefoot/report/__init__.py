"""What people see: the terminal's tables, the HTML report and its figures."""
