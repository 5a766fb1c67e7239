"""How a memory series grows, from readings to a verdict.

- series.py: readings as they come → a clean, sorted, thinned series, and what was wrong with them
- rhythm.py: spikes, saw-teeth and periods → a skeleton without them: what is never given back
- stairs.py: a skeleton that moves in jumps: how many, how regular, still going on?
- shapes.py, fitting.py: the curves a smooth skeleton may follow; which one, under noise that remembers
- jumping.py, curving.py: jumps or a curve → a judgement (judgement.py); what growth must show beside: proving.py
- judging.py: which of these, the peaks as a second series, and the names that the rhythm gives
- forecast.py: rate and limit → when, with an interval
- companions.py: what other series of the same memory say: swap, peaks, summed resident, live bytes
- diagnosing.py, wording.py: the document and its sentences
"""
