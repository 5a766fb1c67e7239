"""Run it small in fresh processes and measure; fit a law; say with a range what the size that is wanted will take.

law         points → a law with its range; pure
child/      what runs in the probe's process, standard library only: the warm process that forks, one measured call
watching    a probe seen from outside: its children's share, its limits, its end
launching   where probes come from: a warm process of any interpreter, or a fork of this one
planning    what a sweep is asked for
sweeping    which sizes, in which order, and when to stop
baseline    what a framework holds once imported;  meter: the rise within a block of this process
"""
