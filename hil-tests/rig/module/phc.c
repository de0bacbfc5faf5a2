// SPDX-License-Identifier: GPL-2.0
/* PTP hardware clocks: reading, steering, pins, edges in and out. */
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/pps_kernel.h>
#include <linux/timekeeping.h>
#include "rig.h"

static struct rig_phc *of_info(struct ptp_clock_info *info)
{
	return container_of(info, struct rig_phc, info);
}

/* Under rig_lock. */
static int busy(struct rig_phc *p)
{
	if (p->busy_count)
		p->busy_count--;
	else if (!rig_chance(&p->random, p->busy_ppm))
		return 0;
	p->refused++;
	return -EBUSY;
}

static int phc_adjfine(struct ptp_clock_info *info, long scaled_ppm)
{
	struct rig_phc *p = of_info(info);
	unsigned long flags;
	int err;

	spin_lock_irqsave(&rig_lock, flags);
	err = busy(p);
	if (!err)
		rig_clock_adjust(&p->clock, ktime_get_raw_ns(),
				 div_s64((s64)scaled_ppm << 32, 1000000));
	spin_unlock_irqrestore(&rig_lock, flags);
	return err;
}

static int phc_adjtime(struct ptp_clock_info *info, s64 delta)
{
	struct rig_phc *p = of_info(info);
	unsigned long flags;
	int err;

	spin_lock_irqsave(&rig_lock, flags);
	err = busy(p);
	if (!err)
		rig_clock_shift(&p->clock, ktime_get_raw_ns(), delta);
	spin_unlock_irqrestore(&rig_lock, flags);
	return err;
}

/* The hardware's own loop takes a phase at once here. */
static int phc_adjphase(struct ptp_clock_info *info, s32 phase)
{
	of_info(info)->phases++;
	return phc_adjtime(info, phase);
}

static int phc_settime(struct ptp_clock_info *info, const struct timespec64 *ts)
{
	struct rig_phc *p = of_info(info);
	unsigned long flags;
	int err;

	spin_lock_irqsave(&rig_lock, flags);
	err = busy(p);
	if (!err)
		rig_clock_set(&p->clock, ktime_get_raw_ns(), timespec64_to_ns(ts));
	spin_unlock_irqrestore(&rig_lock, flags);
	return err;
}

static int phc_gettimex(struct ptp_clock_info *info, struct timespec64 *ts,
			struct ptp_system_timestamp *sts)
{
	struct rig_phc *p = of_info(info);
	unsigned long flags;
	s64 now = 0;
	u64 raw;
	int err;

	spin_lock_irqsave(&rig_lock, flags);
	err = busy(p);
	if (!err) {
		ptp_read_system_prets(sts);
		raw = ktime_get_raw_ns();
		ptp_read_system_postts(sts);
		rig_clock_advance(&p->clock, raw);
		now = rig_clock_ns(&p->clock, raw);
	}
	spin_unlock_irqrestore(&rig_lock, flags);
	*ts = ns_to_timespec64(now);
	return err;
}

static int phc_getcrosststamp(struct ptp_clock_info *info,
			      struct system_device_crosststamp *cts)
{
	struct rig_phc *p = of_info(info);
	unsigned long flags;
	ktime_t real;
	u64 raw;
	int err;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	if (cts->clock_id != CLOCK_REALTIME)
		return -EOPNOTSUPP;
#endif
	spin_lock_irqsave(&rig_lock, flags);
	err = busy(p);
	if (!err) {
		rig_snapshot(&real, &raw);
		rig_clock_advance(&p->clock, raw);
		cts->device = ns_to_ktime(rig_clock_ns(&p->clock, raw));
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
		cts->sys_systime = real;
#else
		cts->sys_realtime = real;
#endif
		cts->sys_monoraw = ns_to_ktime(raw);
	}
	spin_unlock_irqrestore(&rig_lock, flags);
	return err;
}

/* Under rig_lock: the first edge that is still to come. */
static void output_arm(struct rig_output *o, u64 raw)
{
	s64 now = rig_clock_ns(&o->phc->clock, raw);

	if (o->next <= now)
		o->next += (div64_u64(now - o->next, o->period) + 1) * o->period;
}

static enum hrtimer_restart output_tick(struct hrtimer *timer)
{
	struct rig_output *o = container_of(timer, struct rig_output, timer);
	struct rig_phc *p = o->phc;
	bool due, pps = o->channel == RIG_PEROUT;
	struct ptp_clock_event event;
	unsigned long flags;
	ktime_t real;
	u64 raw, at;
	s64 wait;

	spin_lock_irqsave(&rig_lock, flags);
	if (!o->on) {
		spin_unlock_irqrestore(&rig_lock, flags);
		return HRTIMER_NORESTART;
	}
	rig_snapshot(&real, &raw);
	rig_clock_advance(&p->clock, raw);
	at = rig_clock_when(&p->clock, o->next);
	due = (s64)(raw - at) >= 0;
	/* A clock that was stepped over an edge has not shown it. */
	if (due && raw - at > 200000000ULL)
		due = false;
	if ((s64)(raw - at) >= 0) {
		o->begun = true;
		output_arm(o, raw);
	} else if (o->begun && (s64)(at - raw) > (s64)(2 * o->period))
		/* Stepped back. */
		o->next -= div64_u64(at - raw, o->period) * o->period;
	wait = rig_clock_when(&p->clock, o->next) - raw;
	spin_unlock_irqrestore(&rig_lock, flags);

	if (due && pps) {
		event.type = PTP_CLOCK_PPSUSR;
		event.pps_times.ts_real =
			ktime_to_timespec64(ktime_sub_ns(real, raw - at));
#ifdef CONFIG_NTP_PPS
		event.pps_times.ts_raw = ktime_to_timespec64(ns_to_ktime(at));
#endif
		ptp_clock_event(p->ptp, &event);
	} else if (due) {
		rig_pulse(p->index * RIG_PEROUT + o->channel, at);
	}
	hrtimer_forward_now(timer, ns_to_ktime(clamp_t(s64, wait + 200, 1000, 100000000)));
	return HRTIMER_RESTART;
}

static void output_start(struct rig_output *o, s64 start, u64 period)
{
	unsigned long flags;
	u64 raw;

	spin_lock_irqsave(&rig_lock, flags);
	raw = ktime_get_raw_ns();
	rig_clock_advance(&o->phc->clock, raw);
	o->period = period;
	o->next = start;
	o->begun = start <= rig_clock_ns(&o->phc->clock, raw);
	output_arm(o, raw);
	o->on = true;
	spin_unlock_irqrestore(&rig_lock, flags);
	hrtimer_start(&o->timer, ns_to_ktime(1000), HRTIMER_MODE_REL);
}

static void output_stop(struct rig_output *o)
{
	unsigned long flags;

	spin_lock_irqsave(&rig_lock, flags);
	o->on = false;
	spin_unlock_irqrestore(&rig_lock, flags);
	hrtimer_cancel(&o->timer);
}

void rig_pulse(int source, u64 raw)
{
	struct ptp_clock_event event;
	unsigned long flags;
	int i, c;

	for (i = 0; i < rig_phc_count; i++) {
		struct rig_phc *p = &rig_phcs[i];

		for (c = 0; c < RIG_EXTTS; c++) {
			bool take;

			spin_lock_irqsave(&rig_lock, flags);
			take = p->ptp && p->extts_on[c] && p->wire[c] == source;
			rig_clock_advance(&p->clock, ktime_get_raw_ns());
			event.timestamp = rig_clock_ns(&p->clock, raw);
			spin_unlock_irqrestore(&rig_lock, flags);
			if (!take)
				continue;
			event.type = PTP_CLOCK_EXTTS;
			event.index = c;
			ptp_clock_event(p->ptp, &event);
		}
	}
}

static int phc_enable(struct ptp_clock_info *info, struct ptp_clock_request *rq, int on)
{
	struct rig_phc *p = of_info(info);
	struct rig_output *o;
	s64 start, period;

	switch (rq->type) {
	case PTP_CLK_REQ_EXTTS:
		if (rq->extts.flags & ~(PTP_ENABLE_FEATURE | PTP_RISING_EDGE |
					PTP_FALLING_EDGE | PTP_STRICT_FLAGS))
			return -EOPNOTSUPP;
		if ((rq->extts.flags & PTP_STRICT_FLAGS) && on &&
		    (rq->extts.flags & PTP_EXTTS_EDGES) == PTP_FALLING_EDGE)
			return -EOPNOTSUPP;
		if (on && ptp_find_pin(p->ptp, PTP_PF_EXTTS, rq->extts.index) < 0)
			return -EBUSY;
		p->extts_on[rq->extts.index] = on;
		return 0;
	case PTP_CLK_REQ_PEROUT:
		if (rq->perout.flags & ~PTP_PEROUT_PHASE)
			return -EOPNOTSUPP;
		o = &p->out[rq->perout.index];
		output_stop(o);
		if (!on)
			return 0;
		if (ptp_find_pin(p->ptp, PTP_PF_PEROUT, rq->perout.index) < 0)
			return -EBUSY;
		start = rq->perout.start.sec * NSEC_PER_SEC + rq->perout.start.nsec;
		period = rq->perout.period.sec * NSEC_PER_SEC + rq->perout.period.nsec;
		if (period < 1000000)
			return -ERANGE;
		output_start(o, start, period);
		return 0;
	case PTP_CLK_REQ_PPS:
		o = &p->out[RIG_PEROUT];
		output_stop(o);
		if (on)
			output_start(o, 0, NSEC_PER_SEC);
		return 0;
	}
	return -EOPNOTSUPP;
}

static int phc_verify(struct ptp_clock_info *info, unsigned int pin,
		      enum ptp_pin_function func, unsigned int chan)
{
	return func == PTP_PF_PHYSYNC ? -EOPNOTSUPP : 0;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
static s32 phc_getmaxphase(struct ptp_clock_info *info)
{
	return 1000000;
}
#endif

static const struct ptp_clock_info template = {
	.owner = THIS_MODULE,
	.max_adj = RIG_MAX_PPB,
	.n_ext_ts = RIG_EXTTS,
	.n_per_out = RIG_PEROUT,
	.n_pins = RIG_PINS,
	.pps = 1,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	.supported_extts_flags = PTP_RISING_EDGE | PTP_FALLING_EDGE | PTP_STRICT_FLAGS,
	.supported_perout_flags = PTP_PEROUT_PHASE,
#endif
	.adjfine = phc_adjfine,
	.adjphase = phc_adjphase,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	.getmaxphase = phc_getmaxphase,
#endif
	.adjtime = phc_adjtime,
	.gettimex64 = phc_gettimex,
	.getcrosststamp = phc_getcrosststamp,
	.settime64 = phc_settime,
	.enable = phc_enable,
	.verify = phc_verify,
};

void rig_phc_prepare(struct rig_phc *p, int index, u64 raw, u64 seed)
{
	int i;

	p->index = index;
	p->random = (seed + 7) * 0x9e3779b97f4a7c15ULL;
	p->info = template;
	snprintf(p->info.name, sizeof(p->info.name), "ptprig%d", index);
	p->info.pin_config = p->pins;
	for (i = 0; i < RIG_PINS; i++) {
		snprintf(p->pins[i].name, sizeof(p->pins[i].name), "SDP%d", i);
		p->pins[i].index = i;
		/* Wired as most cards come: channels of inputs, then of outputs. */
		p->pins[i].func = i < RIG_EXTTS ? PTP_PF_EXTTS : PTP_PF_PEROUT;
		p->pins[i].chan = i % RIG_EXTTS;
	}
	for (i = 0; i < RIG_EXTTS; i++)
		p->wire[i] = RIG_WIRE_NONE;
	for (i = 0; i <= RIG_PEROUT; i++) {
		p->out[i].phc = p;
		p->out[i].channel = i;
		hrtimer_setup(&p->out[i].timer, output_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	}
	rig_clock_start(&p->clock, raw, rig_clock_ns(&rig_truth, raw), seed);
}

int rig_phc_get(struct rig_phc *p)
{
	if (!p->users) {
		struct ptp_clock *ptp = ptp_clock_register(&p->info, NULL);

		if (IS_ERR(ptp))
			return PTR_ERR(ptp);
		p->ptp = ptp;
	}
	p->users++;
	return 0;
}

void rig_phc_put(struct rig_phc *p)
{
	struct ptp_clock *ptp = p->ptp;
	unsigned long flags;
	int i;

	if (--p->users)
		return;
	for (i = 0; i <= RIG_PEROUT; i++)
		output_stop(&p->out[i]);
	spin_lock_irqsave(&rig_lock, flags);
	p->ptp = NULL;
	for (i = 0; i < RIG_EXTTS; i++)
		p->extts_on[i] = false;
	spin_unlock_irqrestore(&rig_lock, flags);
	ptp_clock_unregister(ptp);
}
