"""Who may do what: roles and offices, passwords, keys, sessions and bearer tokens, and the gate before every route.

Nothing is open unless a route says so: `dependencies.check_routes` refuses an app with a route that declares nothing.
"""
