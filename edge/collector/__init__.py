"""Collection of the messages of many devices in PostgreSQL.

.. code-block:: text

    devices ─MQTT 5─► broker ─shared subscription─► collectors ─COPY─► PostgreSQL ─views─► Grafana, SQL

A collector acknowledges a message to the broker only after the database has committed it. A message can therefore be
delivered twice and is stored once: its id is the key.
"""
