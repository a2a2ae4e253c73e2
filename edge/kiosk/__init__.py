"""The page that the device serves: a room's mood on a wall, the operator's desk, a phone.

``sink`` takes the loop's messages, ``board`` keeps the newest of each kind, ``server`` shows them from a thread of its
own. Nothing here is imported before the configuration asks for it.
"""
