"""Tables and goals, as every measurement prints them."""


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}")


def rows(head, body):
    widths = [max(len(str(r[i])) for r in [head, *body]) for i in range(len(head))]
    for row in [head, *body]:
        print("  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, widths))))


def goal(text, value, reached):
    print(f"{'reached' if reached else 'SHORT  '}  {text}: {value}")
    return {"goal": text, "value": value, "reached": bool(reached)}
