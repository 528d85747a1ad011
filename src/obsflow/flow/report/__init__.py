"""What a backtest says of each alert: how often, how long, whom it paged, and whether anything was wrong."""
