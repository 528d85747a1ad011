"""The `obsflow` command."""
