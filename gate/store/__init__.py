"""The gate's database: engine, tables, migrations, and one small class per noun over a connection."""
