"""Many devices: their feed collected into PostgreSQL, played by a simulator, and measured.

.. code-block:: text

    devices ─MQTT 5─► broker ─shared subscription─► collectors ─COPY─► PostgreSQL ─views─► Grafana, SQL

A collector acknowledges a message to the broker only after the database has committed it. A message can therefore come
twice and is stored once: its id is the key.
"""
