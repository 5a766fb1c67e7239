"""The side of the recorder that runs within the job's processes. Standard library only, and never in the job's way.

A process finds the spool folder in MEMFIT_SPOOL and appends to a file of its own there, ``PID.START_NS.N.log`` (N
counts up when a file has grown to ``ROTATE_BYTES``; the recorder takes away what it has read). A line is a JSON
array; ``t`` is time.monotonic(), which all processes of a machine share:

    ["h", t, {"pid": …, "argv": […], "python": "3.11.7"}]      hello, the first line
    ["v", t, {"torch": "2.13.0"}]                               versions, as packages are loaded
    ["i", t, unit, number, {"host/rss": bytes, …}]              iterations up to ``number`` have ended
    ["b", t, name, rss_bytes]                                   a phase begins (those worth listing)
    ["e", t, name, rss_bytes, high_bytes or null]               and ends
    ["t", t, {name: [count, seconds, high_bytes or null]}]      phases so far, summed
    ["r", t, role, rank or null]                                what this process is
    ["a", t, look, [[category, label, bytes, count, where, grows], …]]   an attribution
    ["n", t, slug, text]                                        a note
    ["x", t, peak_rss_bytes]                                    the end, where Python got to say so
"""
