/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual PTP hardware with known truth.
 *
 * Every event has one time of CLOCK_MONOTONIC_RAW; every clock is a piecewise
 * linear function of it. What is handled late is stamped as of its own time.
 */
#ifndef PTPRIG_H
#define PTPRIG_H

#include <linux/debugfs.h>
#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/version.h>

#define RIG_SEGMENTS	256
#define RIG_GRID_NS	125000000ULL
#define RIG_MAX_PORTS	16
#define RIG_MAX_PHCS	16
#define RIG_EXTTS	2
#define RIG_PEROUT	2
#define RIG_PINS	4
#define RIG_MAX_PPB	1000000
/* The input is not wired / is wired to the GNSS receiver. */
#define RIG_WIRE_NONE	(-1)
#define RIG_WIRE_GNSS	100

/*
 * Auxiliary clocks: from the kernel that can tell one's time together with
 * the counter behind it.
 */
#if defined(CONFIG_POSIX_AUX_CLOCKS) && LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#define RIG_AUX		MAX_AUX_CLOCKS
#else
#define RIG_AUX		0
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* CLOCK_REALTIME and CLOCK_MONOTONIC_RAW at one instant. */
static inline void rig_snapshot(ktime_t *real, u64 *raw)
{
	struct system_time_snapshot snap;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	ktime_get_snapshot_id(CLOCK_REALTIME, &snap);
	*real = snap.systime;
	*raw = ktime_to_ns(snap.monoraw);
#else
	ktime_get_snapshot(&snap);
	*real = snap.real;
	*raw = ktime_to_ns(snap.raw);
#endif
}

/* 2^-32 ns */
typedef __int128 rig_fine;

struct rig_segment {
	u64 raw;
	rig_fine phase;
	s64 rate;		/* 2^-48 */
};

struct rig_clock {
	struct rig_segment history[RIG_SEGMENTS];
	unsigned int head;
	unsigned int count;
	u64 grid;		/* next change of the oscillator */
	s64 oscillator;		/* frequency error, 2^-48 */
	s64 adjustment;		/* what was asked for, 2^-48 */
	u64 wander;		/* 1e-15 per sqrt(s) */
	u64 random;
};

struct rig_phc;

struct rig_output {
	struct rig_phc *phc;
	struct hrtimer timer;
	int channel;
	bool on;
	bool begun;		/* the start that was asked for is over */
	u64 period;
	s64 next;		/* PHC time, ns */
};

struct rig_phc {
	int index;
	int users;
	struct rig_clock clock;
	struct ptp_clock_info info;
	struct ptp_clock *ptp;
	struct ptp_pin_desc pins[RIG_PINS];
	bool extts_on[RIG_EXTTS];
	s64 wire[RIG_EXTTS];
	struct rig_output out[RIG_PEROUT + 1];	/* the last: /dev/pps */
	u32 busy_ppm;
	u32 busy_count;
	u32 refused;		/* calls answered by EBUSY */
	u32 phases;		/* calls of adjphase */
	u64 random;
	struct dentry *dir;
};

struct rig_port {
	int index;
	struct net_device *dev;
	struct rig_port *peer;
	struct rig_phc *phc;
	u32 tx_type;
	u32 rx_filter;
	u32 delay_ns;		/* on the way out */
	u32 jitter_ns;		/* standard deviation, on the way out */
	u32 noise_ns;		/* of stamps, standard deviation */
	u32 quantum_ns;
	u32 lost_ppm;		/* frames */
	u32 stamp_lost_ppm;	/* transmit stamps */
	u32 stamps_lost;
	u32 one_steps;		/* messages that were finished on their way out */
	u16 request;		/* the last Pdelay_Req that came in, */
	s64 request_ns;		/* and its stamp */
	bool link;
	u64 random;
	struct dentry *dir;
};

struct rig_port_private {
	struct rig_port *port;
};

extern spinlock_t rig_lock;
extern struct rig_clock rig_truth;
extern struct rig_port rig_ports[RIG_MAX_PORTS];
extern struct rig_phc rig_phcs[RIG_MAX_PHCS];
extern int rig_port_count;
extern int rig_phc_count;
extern unsigned int rig_utc_offset;

/* clock.c: all under rig_lock */
u64 rig_random(u64 *state);
s64 rig_gauss(u64 *state);		/* standard normal, 2^-16 */
bool rig_chance(u64 *state, u32 ppm);
void rig_clock_start(struct rig_clock *c, u64 raw, s64 ns, u64 seed);
void rig_clock_advance(struct rig_clock *c, u64 raw);
rig_fine rig_clock_at(struct rig_clock *c, u64 raw);
s64 rig_clock_ns(struct rig_clock *c, u64 raw);
u64 rig_clock_when(struct rig_clock *c, s64 ns);
void rig_clock_shift(struct rig_clock *c, u64 raw, s64 ns);
void rig_clock_set(struct rig_clock *c, u64 raw, s64 ns);
void rig_clock_adjust(struct rig_clock *c, u64 raw, s64 rate);
void rig_clock_drift(struct rig_clock *c, u64 raw, s64 rate);
s64 rig_rate_of_ppb(s64 ppb);
s64 rig_ppb_of_rate(s64 rate);
s64 rig_error_ps(struct rig_clock *c, u64 raw);

/* phc.c */
int rig_phc_get(struct rig_phc *p);
void rig_phc_put(struct rig_phc *p);
void rig_phc_prepare(struct rig_phc *p, int index, u64 raw, u64 seed);
/* A pulse at raw: to every input that is wired to the source. */
void rig_pulse(int source, u64 raw);

/* net.c */
int rig_port_add(struct rig_port *p);
void rig_port_remove(struct rig_port *p);
void rig_port_carrier(struct rig_port *p);

/* gnss.c */
int rig_gnss_start(struct dentry *root);
void rig_gnss_stop(void);

/* series.c */
s64 rig_system_error_ps(u64 *raw);
#if RIG_AUX
/* False: that clock is not enabled. */
bool rig_aux_error_ps(int index, s64 *error);
#endif
int rig_series_start(struct dentry *root);
void rig_series_stop(void);
#endif
