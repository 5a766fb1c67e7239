"""How a memory series grows, from readings to a verdict.

series.py     readings as they come → a clean, sorted, thinned series, and what was wrong with them
rhythm.py     spikes, saw-teeth and periods → a skeleton without them: what is never given back
stairs.py     a skeleton that moves in jumps: how many, how regular, still going on?
shapes.py     a skeleton that moves smoothly: the curves it may follow
fitting.py    which curve, by an information criterion under noise that remembers
judging.py    curve, jumps and rhythm → class, leak or not, how sure
forecast.py   rate and limit → when, with an interval
companions.py what other series of the same memory say: swap, peaks, summed resident, live bytes
wording.py    the sentences
"""
