"""A threat in words for a terminal."""

import os
import shutil
import sys
import textwrap

COLOURS = {"critical": "1;37;41", "high": "1;31", "medium": "1;33", "low": "1;32", "title": "1"}
AGENTS = ["historical", "config", "devops", "context", "priority"]
WIDTH_MAX = 110


def paint(text, colour):
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def wrap(text, first, rest):
    width = min(WIDTH_MAX, shutil.get_terminal_size((100, 24)).columns)
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)


def headline(threat):
    if threat.get("status") != "completed":
        return f"{threat.get('status', 'unknown')} {threat.get('id')}"
    signal, fp = threat["signal"], threat["false_positive_score"]
    return (
        f"{threat['severity']} {signal['threat_type']} {signal['source_ip']} {signal['customer_id']}"
        f" risk {threat['risk_score']} fp {fp['score']:.2f} {fp['recommendation']} {threat['id']}"
    )


def threat(record, url=""):
    if record.get("status") != "completed":
        return f"Threat {record.get('id')} is {record.get('status')}; look again: curl {url}/api/threats/{record.get('id')}"
    parts = [head(record), risk(record), false_positive(record), agents(record), plan(record), review(record), timeline(record)]
    return "\n".join(part for part in parts if part) + "\n"


def head(record):
    signal = record["signal"]
    rate = signal["request_count"] / signal["time_window_minutes"]
    label = paint(f" {record['severity'].upper()} ", record["severity"])
    rows = [
        f"{label} {paint(signal['threat_type'], 'title')} against {signal['customer_name']} ({signal['customer_id']})"
        f" from {signal['source_ip']}",
        f"  {signal['request_count']:,} requests in {signal['time_window_minutes']} min ({rate:,.1f} a minute),"
        f" detected {signal['detected_at']}",
    ]
    if signal.get("user_agent"):
        rows.append(wrap(signal["user_agent"], "  user agent ", "             "))
    for technique in record.get("mitre_techniques", []):
        tactics = {tactic["id"]: tactic["name"] for tactic in record.get("mitre_tactics", [])}
        tactic = technique["tactic_id"]
        rows.append(f"  ATT&CK {technique['id']} {technique['name']} ({tactic} {tactics.get(tactic, '')})".rstrip())
    rows.append(f"  id {record['id']}, analysed in {record['total_processing_time_ms']:.2f} ms")
    return "\n".join(rows)


def risk(record):
    rows = ["", paint(f"Risk {record['risk_score']} of 100", "title")]
    for factor in record["risk_factors"]:
        rows.append(wrap(factor["factor"], f"  {factor['points']:+4d}  ", " " * 8))
    return "\n".join(rows)


def false_positive(record):
    fp = record["false_positive_score"]
    rows = [
        "",
        paint(f"False positive {fp['score']:.3f}: {fp['recommendation']}", "title") + f" (confidence {fp['confidence']:.2f})",
    ]
    for indicator in fp.get("indicators", []):
        rows.append(wrap(f"{indicator['indicator']} [{indicator['category']}]", f"  {indicator['impact']:+.3f}  ", " " * 10))
    rows.append(wrap(fp["explanation"], "  ", "  "))
    return "\n".join(rows)


def agents(record):
    rows = ["", paint("Agents", "title")]
    for name in AGENTS:
        report = record["agent_analyses"][name]
        if not report["available"]:
            rows.append(wrap(f"not available: {report['unavailable_because']}", f"  {name:<11}   -   ", " " * 20))
            continue
        rows.append(wrap(report["analysis"], f"  {name:<11} {report['confidence']:.2f}  ", " " * 19))
        for finding in report.get("key_findings", []):
            rows.append(wrap(finding, " " * 19 + "- ", " " * 21))
    return "\n".join(rows)


def action_text(action):
    how = "runs by itself" if action["auto_executable"] else "needs approval" if action["requires_approval"] else "by hand"
    text = f"{action['action_type']} {action['target']} ({action['urgency']}, {how})"
    return f"{text}: {action['reason']}" if action.get("reason") else text


def plan(record):
    plan_ = record["response_plan"]
    rows = ["", paint("Plan", "title") + f" within {plan_['sla_minutes']} min, until {plan_['sla_due_at']}"]
    rows.append(wrap(action_text(plan_["primary_action"]), "  first  ", " " * 9))
    for action in plan_.get("secondary_actions", []):
        rows.append(wrap(action_text(action), "  then   ", " " * 9))
    if plan_.get("escalation_path"):
        rows.append(wrap(" > ".join(plan_["escalation_path"]), "  tell   ", " " * 9))
    return "\n".join(rows)


def review(record):
    if not record["requires_human_review"]:
        return "\n" + paint("Review", "title") + " not needed"
    return "\n" + wrap(record.get("review_reason", ""), paint("Review", "title") + " needed: ", "  ")


def timeline(record):
    line = record["investigation_timeline"]
    phases = ", ".join(f"{name} {ms:.3f}" for name, ms in line["phase_breakdown"].items())
    rows = ["", paint("Timeline", "title") + f" {line['duration_ms']:.3f} ms: {phases}"]
    for event in line["events"]:
        who = f"{event['agent_name']}: " if event.get("agent_name") else ""
        text = who + event["title"] + (f": {event['description']}" if event.get("description") else "")
        rows.append(wrap(text, f"  {event['timestamp'][11:23]}  {event['event_type']:<11}  ", " " * 29))
    return "\n".join(rows)
