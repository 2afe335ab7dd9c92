#!/usr/bin/python3
"""What the trace costs: the relay of bench/load.py with `[trace]`, and with `trace.keep = ""`.

    bench/trace.py [--pairs N] [--count N] PROGRAM

Runs without and with it alternate; what counts is the median of the ratios of rates (with /
without), which should be 0.95 or more.
"""

import argparse
import statistics
import time

import load


def measure(options, keep):
    """(messages in a second, CPU seconds for 1,000)."""
    sink = load.Sink()
    server = load.Server(options.program, "discard:", f"smtp://127.0.0.1:{sink.port}",
                         f'[trace]\nkeep = "{keep}"\n')
    begin = time.monotonic()
    load.source(server.port, "user@far.test", options)
    load.wait_for(sink.count, options.count)
    seconds = time.monotonic() - begin
    cpu = server.cpu() * 1000 / options.count
    sink.stop()
    server.stop()
    return options.count / seconds, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=4096)
    options = parser.parse_args()
    options.sessions = 20
    ratios, cpus = [], {"": [], "7d": []}
    for _ in range(options.pairs):
        rates = {}
        for keep in cpus:
            rates[keep], cpu = measure(options, keep)
            cpus[keep].append(cpu)
        ratios.append(rates["7d"] / rates[""])
    print(f"relay with the trace: {statistics.median(ratios):.2f} × without ({min(ratios):.2f} to "
          f"{max(ratios):.2f}); {statistics.median(cpus['7d']):.2f} and "
          f"{statistics.median(cpus['']):.2f} CPU s for 1,000")


if __name__ == "__main__":
    main()
