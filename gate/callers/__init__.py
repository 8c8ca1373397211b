"""Who calls the service: Entra tokens checked against the keys of their tenant, and what their roles allow."""
