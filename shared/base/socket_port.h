/* The port that a bound socket got. */
#ifndef SOC_BASE_SOCKET_PORT_H
#define SOC_BASE_SOCKET_PORT_H

/* 0 when the socket has none. */
int socket_port(int fd);

#endif
