/*
 * Simulated time and network for an unmodified program, by LD_PRELOAD. Licence: MIT OR Apache-2.0, as the rest of Escapement.
 *
 * The library stands between one program (one node) and the kernel. Clocks, timers, UDP and UNIX datagram sockets, one
 * interface "eth0" and its hardware clock /dev/ptp0 are simulated; everything else is the kernel's. Time passes only
 * while the program waits. The other side is hil-tests/src/preload.rs, over the UNIX stream that PRELOAD_SOCKET names.
 *
 * It is as strict as docs/simulators.md says simulators are: poll() reports one descriptor per call, never POLLERR;
 * socket() takes no flags in its type; there are no packet and no netlink sockets; only the stamp of a socket's last
 * transmission is kept, and it has no number; bind() undoes SO_BINDTODEVICE. A descriptor of the kernel's in a poll, a
 * poll without waiting while nothing simulated is open, and a reading of CLOCK_MONOTONIC_RAW end the program.
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/ptp_clock.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define FDS 256
#define PACKET 2048
#define QUEUE 64
#define HEADERS 42
#define SECOND 1000000000LL
/* CLOCK_MONOTONIC and CLOCK_REALTIME at the simulation's beginning. */
#define MONOTONIC_BASE (1000 * SECOND)
#define REALTIME_BASE (1700000000 * SECOND)

enum kind { KERNELS, UDP, LOCAL, OTHER, TIMER, PHC };

struct packet {
	uint16_t length, port;
	uint32_t address;
	char path[108];
	int64_t stamp;
	unsigned char octets[PACKET];
};

struct simulated {
	enum kind kind;
	int stamping; /* flags of SO_TIMESTAMPING */
	uint16_t port;
	int device; /* bound to it, after bind() */
	char path[108];
	struct packet *queue; /* ring of QUEUE */
	unsigned first, count;
	/* the error queue: the last frame sent, and its stamp */
	unsigned char looped[PACKET];
	uint16_t looped_length; /* 0: it is empty */
	int64_t looped_stamp;
	/* timer */
	int64_t expires, interval; /* ns of the simulation; 0 is never */
};

static struct simulated table[FDS];
static int channel = -1;
static unsigned node = 1;
static int64_t now; /* true time, ns since the beginning */
/* The node's clock: system clock and hardware clock are one. */
static long double local; /* ns past REALTIME_BASE */
static double oscillator; /* its own error, ppb */
static long freq, tick = 10000, tai = 0;
static int status = STA_UNSYNC;

static int (*real_socket)(int, int, int);
static int (*real_close)(int);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_open)(const char *, int, ...);
static int (*real_ioctl)(int, unsigned long, ...);
static int (*real_bind)(int, const struct sockaddr *, socklen_t);
static int (*real_connect)(int, const struct sockaddr *, socklen_t);
static int (*real_setsockopt)(int, int, int, const void *, socklen_t);
static int (*real_getsockopt)(int, int, int, void *, socklen_t *);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static ssize_t (*real_recvmsg)(int, struct msghdr *, int);

static void fail(const char *why)
{
	char line[200];
	int n = snprintf(line, sizeof line, "preload: %s\n", why);
	if (real_write)
		real_write(2, line, n);
	_exit(97);
}

static void put(const void *octets, size_t length)
{
	const char *at = octets;
	while (length) {
		ssize_t n = real_write(channel, at, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(98); /* the simulation is over */
		at += n;
		length -= n;
	}
}

static void get(void *octets, size_t length)
{
	char *at = octets;
	while (length) {
		ssize_t n = real_read(channel, at, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(98);
		at += n;
		length -= n;
	}
}

#define LOAD(name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("PRELOAD_SOCKET"), *number = getenv("PRELOAD_NODE"), *ahead = getenv("PRELOAD_AHEAD_NS");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	LOAD(socket); LOAD(close); LOAD(read); LOAD(write); LOAD(open); LOAD(ioctl); LOAD(bind); LOAD(connect);
	LOAD(setsockopt); LOAD(getsockopt); LOAD(sendmsg); LOAD(recvmsg);
	if (!path || !number || channel >= 0)
		return;
	node = atoi(number);
	local = ahead ? strtold(ahead, NULL) : 0;
	strncpy(to.sun_path, path, sizeof to.sun_path - 1);
	int fd = real_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || real_connect(fd, (struct sockaddr *)&to, sizeof to))
		fail("no simulation to connect to");
	/* High, so that the program's own numbers are what they always are. */
	channel = fcntl(fd, F_DUPFD_CLOEXEC, FDS);
	real_close(fd);
	if (channel < 0)
		fail("no descriptor for the simulation");
	put("H", 1);
	put(&node, 4);
}

static struct simulated *of(int fd)
{
	return channel >= 0 && fd >= 0 && fd < FDS && table[fd].kind != KERNELS ? &table[fd] : NULL;
}

/* A descriptor of the kernel's that only holds the number. */
static struct simulated *make(int *fd, enum kind kind)
{
	*fd = real_socket(AF_UNIX, SOCK_DGRAM, 0);
	if (*fd < 0)
		return NULL;
	if (*fd >= FDS)
		fail("too many descriptors");
	memset(&table[*fd], 0, sizeof table[*fd]);
	table[*fd].kind = kind;
	return &table[*fd];
}

/* --- time --- */

static double adjustment(void)
{
	return (tick - 10000) * 1e5 + freq / 65.536;
}

static void advance(int64_t to)
{
	if (to > now)
		local += (to - now) * (1.0L + oscillator * 1e-9L) * (1.0L + adjustment() * 1e-9L);
	now = to > now ? to : now;
}

/* Waits until `deadline` (ns of the simulation, -1 for ever) or an arrival. -1: a signal came. */
static int wait_until(int64_t deadline)
{
	double ahead = local - now, adjusted = adjustment(), error;
	int64_t to;
	char what;
	put("W", 1);
	put(&deadline, 8);
	put(&ahead, 8);
	put(&adjusted, 8);
	get(&to, 8);
	get(&error, 8);
	get(&what, 1);
	advance(to);
	oscillator = error;
	if (what == 1) {
		struct packet p = { 0 };
		uint32_t fd;
		get(&fd, 4);
		get(&p.address, 4);
		get(&p.port, 2);
		get(p.path, sizeof p.path);
		get(&p.length, 2);
		if (p.length > PACKET)
			fail("too long a packet");
		get(p.octets, p.length);
		p.stamp = REALTIME_BASE + (int64_t)local;
		struct simulated *s = of(fd);
		if (s && s->queue && s->count < QUEUE)
			s->queue[(s->first + s->count++) % QUEUE] = p;
	}
	if (what == 2) {
		errno = EINTR;
		return -1;
	}
	return 0;
}

static int64_t reading(clockid_t id)
{
	switch (id) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
		return MONOTONIC_BASE + now;
	case CLOCK_MONOTONIC_RAW:
		fail("CLOCK_MONOTONIC_RAW, where uname() does not say Linux");
		return -1;
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return REALTIME_BASE + (int64_t)local;
	default:
		if (id < 0 && (id & 7) == 3) {
			struct simulated *s = of(~(id >> 3));
			if (s && s->kind == PHC)
				return REALTIME_BASE + (int64_t)local;
		}
		return -1;
	}
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t ns = reading(id);
	if (ns < 0) {
		errno = EINVAL;
		return -1;
	}
	ts->tv_sec = ns / SECOND;
	ts->tv_nsec = ns % SECOND;
	return 0;
}

int clock_settime(clockid_t id, const struct timespec *ts)
{
	int64_t ns = reading(id);
	if (ns < 0 || id == CLOCK_MONOTONIC) {
		errno = EINVAL;
		return -1;
	}
	local = (long double)ts->tv_sec * SECOND + ts->tv_nsec - REALTIME_BASE;
	return 0;
}

int uname(struct utsname *name)
{
	memset(name, 0, sizeof *name);
	strcpy(name->sysname, "Linux (preload)");
	strcpy(name->release, "4.19");
	return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	int64_t ns = reading(CLOCK_REALTIME);
	(void)zone;
	tv->tv_sec = ns / SECOND;
	tv->tv_usec = ns % SECOND / 1000;
	return 0;
}

time_t time(time_t *out)
{
	time_t t = reading(CLOCK_REALTIME) / SECOND;
	if (out)
		*out = t;
	return t;
}

int clock_adjtime(clockid_t id, struct timex *t)
{
	int64_t ns = reading(id);
	long limit = id == CLOCK_REALTIME ? 500L << 16 : 32767999L;
	if (ns < 0 || id == CLOCK_MONOTONIC) {
		errno = EINVAL;
		return -1;
	}
	if (t->modes & ADJ_FREQUENCY)
		freq = t->freq > limit ? limit : t->freq < -limit ? -limit : t->freq;
	if (t->modes & ADJ_TICK) {
		if (t->tick < 9000 || t->tick > 11000) {
			errno = EINVAL;
			return -1;
		}
		tick = t->tick;
	}
	if (t->modes & ADJ_SETOFFSET)
		local += (long double)t->time.tv_sec * SECOND + t->time.tv_usec * (t->modes & ADJ_NANO ? 1.0L : 1000.0L);
	if (t->modes & ADJ_STATUS)
		status = t->status;
	if (t->modes & ADJ_TAI)
		tai = t->constant;
	t->freq = freq;
	t->tick = tick;
	t->tolerance = limit;
	t->precision = 1;
	t->status = status | STA_NANO;
	t->tai = tai;
	t->offset = 0;
	ns = reading(id);
	t->time.tv_sec = ns / SECOND;
	t->time.tv_usec = ns % SECOND;
	return id == CLOCK_REALTIME && status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

int adjtimex(struct timex *t)
{
	return clock_adjtime(CLOCK_REALTIME, t);
}

int nanosleep(const struct timespec *length, struct timespec *left)
{
	int64_t until = now + length->tv_sec * SECOND + length->tv_nsec;
	(void)left;
	while (now < until)
		if (wait_until(until))
			return -1;
	return 0;
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *length, struct timespec *left)
{
	(void)id;
	(void)flags; /* TIMER_ABSTIME is not known */
	return nanosleep(length, left) ? EINTR : 0;
}

int usleep(useconds_t us)
{
	struct timespec ts = { us / 1000000, us % 1000000 * 1000L };
	return nanosleep(&ts, NULL);
}

unsigned sleep(unsigned seconds)
{
	struct timespec ts = { seconds, 0 };
	return nanosleep(&ts, NULL) ? seconds : 0;
}

int timerfd_create(int id, int flags)
{
	int fd;
	if (id != CLOCK_MONOTONIC || flags) {
		errno = EINVAL;
		return -1;
	}
	return make(&fd, TIMER) ? fd : -1;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *old)
{
	struct simulated *s = of(fd);
	int64_t ns = to->it_value.tv_sec * SECOND + to->it_value.tv_nsec;
	if (!s || s->kind != TIMER) {
		errno = EINVAL;
		return -1;
	}
	if (old)
		memset(old, 0, sizeof *old);
	s->interval = to->it_interval.tv_sec * SECOND + to->it_interval.tv_nsec;
	s->expires = !ns ? 0 : flags & TFD_TIMER_ABSTIME ? ns - MONOTONIC_BASE : now + ns;
	if (ns && s->expires <= 0)
		s->expires = 1;
	return 0;
}

/* --- waiting --- */

static short ready(struct simulated *s, short events)
{
	switch (s->kind) {
	case TIMER:
		return events & POLLIN && s->expires && s->expires <= now ? POLLIN : 0;
	case UDP:
	case LOCAL:
		if (events & POLLPRI && s->looped_length)
			return POLLPRI;
		return events & POLLIN && s->count ? POLLIN : 0;
	default:
		return 0;
	}
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int64_t until = timeout < 0 ? INT64_MAX : now + timeout * 1000000LL;
	int first = 1;
	if (channel < 0) { /* before the beginning: the standard streams are looked at */
		for (nfds_t i = 0; i < count; i++)
			fds[i].revents = 0;
		return 0;
	}
	if (timeout == 0) {
		int any = 0;
		while (any < FDS && table[any].kind == KERNELS)
			any++;
		if (any == FDS)
			fail("poll() without waiting, and neither socket nor timer is there");
	}
	for (nfds_t i = 0; i < count; i++) {
		fds[i].revents = 0;
		if (fds[i].fd >= 0 && !of(fds[i].fd) && fds[i].fd > 2)
			fail("a descriptor of the kernel's in poll()");
	}
	for (;;) {
		int64_t deadline = until;
		for (nfds_t i = 0; i < count; i++) {
			struct simulated *s = of(fds[i].fd);
			if (!s)
				continue;
			if ((fds[i].revents = ready(s, fds[i].events)))
				return 1; /* one descriptor per call */
			if (s->kind == TIMER && s->expires && s->expires < deadline)
				deadline = s->expires;
		}
		if (!first && now >= until)
			return 0;
		first = 0;
		if (wait_until(deadline == INT64_MAX ? -1 : deadline))
			return -1;
	}
}

ssize_t read(int fd, void *to, size_t length)
{
	struct simulated *s = of(fd);
	if (!s)
		return real_read ? real_read(fd, to, length) : -1;
	if (s->kind != TIMER || length < 8 || !s->expires || s->expires > now) {
		errno = EAGAIN;
		return -1;
	}
	uint64_t times = 1;
	if (s->interval) {
		times += (now - s->expires) / s->interval;
		s->expires += times * s->interval;
	} else {
		s->expires = 0;
	}
	memcpy(to, &times, 8);
	return 8;
}

/* --- sockets --- */

int socket(int domain, int type, int protocol)
{
	int fd;
	(void)protocol;
	if (channel < 0)
		return real_socket(domain, type, protocol);
	if ((domain != AF_INET && domain != AF_UNIX) || type != SOCK_DGRAM) {
		errno = EINVAL; /* no flags, no streams, no packets, no netlink */
		return -1;
	}
	struct simulated *s = make(&fd, domain == AF_INET ? UDP : LOCAL);
	if (!s)
		return -1;
	s->queue = calloc(QUEUE, sizeof *s->queue);
	if (!s->queue)
		fail("no memory");
	return fd;
}

int close(int fd)
{
	struct simulated *s = of(fd);
	if (s) {
		uint32_t number = fd;
		if (s->kind == UDP || s->kind == LOCAL) {
			put("C", 1);
			put(&number, 4);
		}
		free(s->queue);
		memset(s, 0, sizeof *s);
	}
	return real_close(fd);
}

static void path_of(char *to, const void *name, socklen_t length)
{
	size_t octets = length > sizeof(sa_family_t) ? length - sizeof(sa_family_t) : 0;
	memcpy(to, ((const struct sockaddr_un *)name)->sun_path, octets < 107 ? octets : 107);
}

int bind(int fd, const struct sockaddr *name, socklen_t length)
{
	struct simulated *s = of(fd);
	uint32_t number = fd;
	unsigned char kind;
	if (!s)
		return real_bind(fd, name, length);
	if (s->kind == UDP && name->sa_family == AF_INET) {
		s->port = ntohs(((const struct sockaddr_in *)name)->sin_port);
		s->device = 0;
	} else if (s->kind == LOCAL && name->sa_family == AF_UNIX) {
		path_of(s->path, name, length);
	} else {
		errno = EINVAL;
		return -1;
	}
	kind = s->kind;
	put("B", 1);
	put(&number, 4);
	put(&kind, 1);
	put(&s->port, 2);
	put(s->path, sizeof s->path);
	return 0;
}

int connect(int fd, const struct sockaddr *name, socklen_t length)
{
	if (of(fd)) {
		errno = EINVAL;
		return -1;
	}
	return real_connect(fd, name, length);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	struct simulated *s = of(fd);
	if (!s)
		return real_setsockopt(fd, level, option, value, length);
	if (level == SOL_SOCKET && option == SO_BINDTODEVICE) {
		if (length < 4 || memcmp(value, "eth0", 4)) {
			errno = ENODEV;
			return -1;
		}
		s->device = 1;
	} else if (level == SOL_SOCKET && option == SO_TIMESTAMPING && length >= 4) {
		memcpy(&s->stamping, value, 4);
	}
	return 0;
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
	if (!of(fd))
		return real_getsockopt(fd, level, option, value, length);
	memset(value, 0, *length);
	return 0;
}

int getsockname(int fd, struct sockaddr *name, socklen_t *length)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct simulated *s = of(fd);
	if (!s) {
		errno = ENOTSOCK;
		return -1;
	}
	in.sin_port = htons(s->port);
	memcpy(name, &in, *length < sizeof in ? *length : sizeof in);
	*length = sizeof in;
	return 0;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct simulated *s = of(fd);
	unsigned char octets[PACKET], kind;
	uint16_t length = 0, port = 0;
	uint32_t number = fd, address = 0;
	char path[108] = "";
	if (!s)
		return real_sendmsg(fd, m, flags);
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		if (length + m->msg_iov[i].iov_len > PACKET - HEADERS) {
			errno = EMSGSIZE;
			return -1;
		}
		memcpy(octets + length, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
		length += m->msg_iov[i].iov_len;
	}
	if (!m->msg_name) {
		errno = EDESTADDRREQ;
		return -1;
	}
	if (s->kind == UDP) {
		const struct sockaddr_in *to = m->msg_name;
		address = ntohl(to->sin_addr.s_addr);
		port = ntohs(to->sin_port);
		if (address >> 28 == 0xe && !s->device)
			fail("a multicast by a socket that is bound to no device since bind()");
	} else {
		path_of(path, m->msg_name, m->msg_namelen);
	}
	kind = s->kind;
	put("S", 1);
	put(&number, 4);
	put(&kind, 1);
	put(&address, 4);
	put(&port, 2);
	put(path, sizeof path);
	put(&s->port, 2);
	put(s->path, sizeof s->path);
	put(&length, 2);
	put(octets, length);
	if (s->kind == UDP && s->stamping & (SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_TX_SOFTWARE)) {
		/* The whole frame comes back: Ethernet, IP and UDP headers before it. Of the last one only. */
		memset(s->looped, 0, HEADERS);
		s->looped[12] = 8;
		s->looped[14] = 0x45;
		memcpy(s->looped + HEADERS, octets, length);
		s->looped_length = HEADERS + length;
		s->looped_stamp = REALTIME_BASE + (int64_t)local;
	}
	return length;
}

ssize_t sendto(int fd, const void *octets, size_t length, int flags, const struct sockaddr *to, socklen_t to_length)
{
	struct iovec part = { (void *)octets, length };
	struct msghdr m = { .msg_name = (void *)to, .msg_namelen = to_length, .msg_iov = &part, .msg_iovlen = 1 };
	return sendmsg(fd, &m, flags);
}

ssize_t send(int fd, const void *octets, size_t length, int flags)
{
	return sendto(fd, octets, length, flags, NULL, 0);
}

static struct cmsghdr *append(struct msghdr *m, size_t *used, int level, int type, const void *data, size_t length)
{
	struct cmsghdr *c = (void *)((char *)m->msg_control + *used);
	if (!m->msg_control || *used + CMSG_SPACE(length) > m->msg_controllen) {
		m->msg_flags |= MSG_CTRUNC;
		return NULL;
	}
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(c), data, length);
	*used += CMSG_SPACE(length);
	return c;
}

static void append_stamp(struct simulated *s, struct msghdr *m, size_t *used, int64_t ns)
{
	struct timespec three[3] = { { 0 } }, ts = { ns / SECOND, ns % SECOND };
	if (s->stamping & SOF_TIMESTAMPING_SOFTWARE)
		three[0] = ts;
	if (s->stamping & SOF_TIMESTAMPING_RAW_HARDWARE)
		three[2] = ts;
	append(m, used, SOL_SOCKET, SO_TIMESTAMPING, three, sizeof three);
}

static ssize_t scatter(struct msghdr *m, const unsigned char *octets, size_t length)
{
	size_t done = 0;
	for (size_t i = 0; i < m->msg_iovlen && done < length; i++) {
		size_t part = m->msg_iov[i].iov_len < length - done ? m->msg_iov[i].iov_len : length - done;
		memcpy(m->msg_iov[i].iov_base, octets + done, part);
		done += part;
	}
	if (done < length)
		m->msg_flags |= MSG_TRUNC;
	return done;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	struct simulated *s = of(fd);
	size_t used = 0;
	ssize_t length;
	if (!s)
		return real_recvmsg(fd, m, flags);
	m->msg_flags = 0;
	if (flags & MSG_ERRQUEUE) {
		struct {
			struct sock_extended_err error;
			struct sockaddr_in offender;
		} why = { .error = { .ee_errno = ENOMSG, .ee_origin = SO_EE_ORIGIN_TIMESTAMPING } };
		if (!s->looped_length) {
			errno = EAGAIN;
			return -1;
		}
		length = scatter(m, s->looped, s->looped_length);
		m->msg_flags |= MSG_ERRQUEUE;
		m->msg_namelen = 0;
		append_stamp(s, m, &used, s->looped_stamp);
		append(m, &used, IPPROTO_IP, IP_RECVERR, &why, sizeof why);
		s->looped_length = 0;
		m->msg_controllen = used;
		return length;
	}
	if (flags & MSG_PEEK)
		fail("MSG_PEEK");
	if (!s->count) {
		errno = EAGAIN;
		return -1;
	}
	struct packet *p = &s->queue[s->first];
	s->first = (s->first + 1) % QUEUE;
	s->count--;
	length = scatter(m, p->octets, p->length);
	if (m->msg_name && s->kind == UDP) {
		struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(p->port) };
		from.sin_addr.s_addr = htonl(p->address);
		memcpy(m->msg_name, &from, m->msg_namelen < sizeof from ? m->msg_namelen : sizeof from);
		m->msg_namelen = sizeof from;
	} else if (m->msg_name) {
		struct sockaddr_un from = { .sun_family = AF_UNIX };
		memcpy(from.sun_path, p->path, sizeof from.sun_path);
		memcpy(m->msg_name, &from, m->msg_namelen < sizeof from ? m->msg_namelen : sizeof from);
		m->msg_namelen = offsetof(struct sockaddr_un, sun_path) + strlen(from.sun_path) + 1;
	}
	if (s->stamping & (SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RX_SOFTWARE))
		append_stamp(s, m, &used, p->stamp);
	m->msg_controllen = used;
	return length;
}

ssize_t recvfrom(int fd, void *restrict to, size_t length, int flags, struct sockaddr *restrict from, socklen_t *restrict size)
{
	struct iovec part = { to, length };
	struct msghdr m = { .msg_name = from, .msg_namelen = size ? *size : 0, .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &m, flags);
	if (n >= 0 && size)
		*size = m.msg_namelen;
	return n;
}

ssize_t recv(int fd, void *to, size_t length, int flags)
{
	return recvfrom(fd, to, length, flags, NULL, NULL);
}

int recvmmsg(int fd, struct mmsghdr *m, unsigned count, int flags, struct timespec *timeout)
{
	(void)fd; (void)m; (void)count; (void)flags; (void)timeout;
	fail("recvmmsg() on the plain path");
	return -1;
}

int sendmmsg(int fd, struct mmsghdr *m, unsigned count, int flags)
{
	(void)fd; (void)m; (void)count; (void)flags;
	fail("sendmmsg() on the plain path");
	return -1;
}

/* --- the interface and its clock --- */

int open(const char *path, int flags, ...)
{
	va_list more;
	int fd, mode;
	va_start(more, flags);
	mode = va_arg(more, int);
	va_end(more);
	if (channel < 0 || strcmp(path, "/dev/ptp0"))
		return real_open ? real_open(path, flags, mode) : (errno = ENOENT, -1);
	return make(&fd, PHC) ? fd : -1;
}

static void mac(unsigned char *to)
{
	const unsigned char address[6] = { 0x02, 0, 0, 0, node >> 8, node };
	memcpy(to, address, 6);
}

static int interface_ioctl(unsigned long request, struct ifreq *r)
{
	if (strcmp(r->ifr_name, "eth0")) {
		errno = ENODEV;
		return -1;
	}
	switch (request) {
	case SIOCGIFINDEX:
		r->ifr_ifindex = 2;
		return 0;
	case SIOCGIFFLAGS:
		r->ifr_flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST | IFF_MULTICAST;
		return 0;
	case SIOCGIFHWADDR:
		memset(&r->ifr_hwaddr, 0, sizeof r->ifr_hwaddr);
		r->ifr_hwaddr.sa_family = ARPHRD_ETHER;
		mac((unsigned char *)r->ifr_hwaddr.sa_data);
		return 0;
	case SIOCSHWTSTAMP:
		return 0; /* fills nothing */
	case SIOCETHTOOL: {
		struct ethtool_ts_info *info = (void *)r->ifr_data;
		if (info->cmd != ETHTOOL_GET_TS_INFO)
			break;
		memset(info, 0, sizeof *info);
		info->cmd = ETHTOOL_GET_TS_INFO;
		info->so_timestamping = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
			SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			SOF_TIMESTAMPING_RAW_HARDWARE;
		info->phc_index = 0;
		info->tx_types = 1 << HWTSTAMP_TX_OFF | 1 << HWTSTAMP_TX_ON;
		info->rx_filters = 1 << HWTSTAMP_FILTER_NONE | 1 << HWTSTAMP_FILTER_ALL | 1 << HWTSTAMP_FILTER_PTP_V2_EVENT |
			1 << HWTSTAMP_FILTER_PTP_V2_L4_EVENT;
		return 0;
	}
	}
	errno = EINVAL;
	return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct simulated *s = of(fd);
	va_list more;
	void *argument;
	va_start(more, request);
	argument = va_arg(more, void *);
	va_end(more);
	if (!s)
		return real_ioctl(fd, request, argument);
	if (s->kind != PHC)
		return interface_ioctl(request, argument);
	if (request == PTP_CLOCK_GETCAPS) {
		memset(argument, 0, sizeof(struct ptp_clock_caps));
		((struct ptp_clock_caps *)argument)->max_adj = 32767999;
		return 0;
	}
	if (request == PTP_SYS_OFFSET) {
		struct ptp_sys_offset *o = argument;
		for (unsigned i = 0; i < 2 * o->n_samples + 1; i++) {
			int64_t ns = REALTIME_BASE + (int64_t)local;
			o->ts[i].sec = ns / SECOND;
			o->ts[i].nsec = ns % SECOND;
		}
		return 0;
	}
	errno = EINVAL; /* the newer numbers are not known */
	return -1;
}

unsigned if_nametoindex(const char *name)
{
	return strcmp(name, "eth0") ? 0 : 2;
}

char *if_indextoname(unsigned index, char name[IF_NAMESIZE])
{
	return index == 2 ? strcpy(name, "eth0") : NULL;
}

struct list {
	struct ifaddrs entry;
	struct sockaddr_in address, mask;
};

int getifaddrs(struct ifaddrs **out)
{
	struct list *l = calloc(1, sizeof *l);
	if (!l)
		return -1;
	l->entry.ifa_name = "eth0";
	l->entry.ifa_flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST | IFF_MULTICAST;
	l->address.sin_family = l->mask.sin_family = AF_INET;
	l->address.sin_addr.s_addr = htonl(0x0a000000 | node);
	l->mask.sin_addr.s_addr = htonl(0xff000000);
	l->entry.ifa_addr = (struct sockaddr *)&l->address;
	l->entry.ifa_netmask = (struct sockaddr *)&l->mask;
	*out = &l->entry;
	return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
	free(list);
}

/* What programs take for chance: the same in every run. */

pid_t getpid(void)
{
	return 1000 + node;
}

ssize_t getrandom(void *to, size_t length, unsigned flags)
{
	static uint64_t state = 88172645463325252ULL;
	(void)flags;
	for (size_t i = 0; i < length; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		((unsigned char *)to)[i] = state * (node + 1) >> 24;
	}
	return length;
}
