#!/bin/bash
# Posts a threat, waits for its analysis and finds it again. bash speaks TCP by itself, so the image needs no client.
set -euo pipefail
signal='{"threat_type": "credential_stuffing", "customer_id": "helm-test", "customer_name": "Helm Test", "source_ip": "192.0.2.7", "request_count": 9000, "time_window_minutes": 15}'

ask() { # method path [body]
    exec 3<>"/dev/tcp/$API_HOST/$API_PORT"
    printf '%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nPrefer: wait=30\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
        "$1" "$2" "$API_HOST" "${#3}" "$3" >&3
    answer=$(cat <&3)
    exec 3>&-
    [[ $answer == "HTTP/1.1 200 "* ]] || { echo "$1 $2 was answered with: $answer"; exit 1; }
}

ask POST /api/threats "$signal"
[[ $answer == *'"status":"completed"'* ]] || { echo "not analysed: $answer"; exit 1; }
[[ $answer =~ \"id\":\"([0-9a-f-]{36})\" ]] || { echo "no id: $answer"; exit 1; }
id=${BASH_REMATCH[1]}
ask GET "/api/threats/$id" ""
[[ $answer == *'"status":"completed"'* ]] || { echo "not stored: $answer"; exit 1; }
echo "threat $id was taken, analysed and stored"
