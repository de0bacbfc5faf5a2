// SPDX-License-Identifier: GPL-2.0
/* Pairs of Ethernet devices: frames carry the stamps that the model gives. */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/math64.h>
#include <linux/net_tstamp.h>
#include <linux/timekeeping.h>
#include <net/ip.h>
#include "rig.h"

#define PTP_EVENT_PORT 319
/* messageType */
#define PTP_SYNC 0
#define PTP_PDELAY_REQ 2
#define PTP_PDELAY_RESP 3

static struct rig_port *of_dev(struct net_device *dev)
{
	return ((struct rig_port_private *)netdev_priv(dev))->port;
}

/* Offset of the PTP header of an event message, or -1. */
static int ptp_offset(const struct sk_buff *skb)
{
	const u8 *d = skb->data;
	unsigned int at = 12, n = skb_headlen(skb);
	u16 type;

	if (n < 14)
		return -1;
	type = d[12] << 8 | d[13];
	if (type == ETH_P_8021Q && n >= 18) {
		at = 16;
		type = d[16] << 8 | d[17];
	}
	at += 2;
	if (type == ETH_P_IP && n >= at + 28) {
		unsigned int ihl = (d[at] & 15) * 4;

		if (d[at + 9] != IPPROTO_UDP || n < at + ihl + 8 ||
		    (d[at + ihl + 2] << 8 | d[at + ihl + 3]) != PTP_EVENT_PORT)
			return -1;
		at += ihl + 8;
	} else if (type == ETH_P_IPV6 && n >= at + 48) {
		if (d[at + 6] != IPPROTO_UDP ||
		    (d[at + 42] << 8 | d[at + 43]) != PTP_EVENT_PORT)
			return -1;
		at += 48;
	} else if (type != ETH_P_1588) {
		return -1;
	}
	if (n < at + 44 || (d[at] & 15) > 3)
		return -1;
	return at;
}

/* Under rig_lock: what the card's counter showed. */
static s64 stamp(struct rig_port *p, u64 raw)
{
	s64 ns = rig_clock_ns(&p->phc->clock, raw);

	if (p->noise_ns)
		ns += (p->noise_ns * rig_gauss(&p->random)) >> 16;
	if (p->quantum_ns > 1) {
		u32 rest;

		div_u64_rem(ns, p->quantum_ns, &rest);
		ns -= rest;
	}
	return ns;
}

/* Whether a message of this type leaves finished. */
static bool is_one_step(const struct rig_port *p, const u8 *header)
{
	if (header[6] & 2)
		return false;
	switch (header[0] & 15) {
	case PTP_SYNC:
		return p->tx_type == HWTSTAMP_TX_ONESTEP_SYNC ||
			p->tx_type == HWTSTAMP_TX_ONESTEP_P2P;
	case PTP_PDELAY_RESP:
		return p->tx_type == HWTSTAMP_TX_ONESTEP_P2P;
	}
	return false;
}

/* Add to the correction of a Pdelay_Resp how long its request was here. */
static void one_step_response(u8 *header, s64 ns)
{
	s64 correction = 0;
	int i;

	for (i = 0; i < 8; i++)
		correction = (s64)((u64)correction << 8 | header[8 + i]);
	correction += ns * 65536;
	for (i = 0; i < 8; i++)
		header[8 + i] = (u64)correction >> (56 - 8 * i);
}

/* Put a time of sending into a Sync, as one-step hardware does. */
static void one_step_sync(u8 *header, s64 ns)
{
	u32 rest;
	u64 sec = div_u64_rem(ns, NSEC_PER_SEC, &rest);
	int i;

	for (i = 0; i < 6; i++)
		header[34 + i] = sec >> (40 - 8 * i);
	for (i = 0; i < 4; i++)
		header[40 + i] = rest >> (24 - 8 * i);
}

static netdev_tx_t port_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct rig_port *p = of_dev(dev), *q = p->peer;
	struct skb_shared_hwtstamps stamps = {};
	bool wants, finished, lost, stamp_lost;
	struct net_device *to;
	struct sk_buff *copy;
	unsigned long flags;
	s64 sent, received;
	s64 way, turnaround;
	u16 request;
	u64 raw;
	int at;

	dev->stats.tx_packets++;
	dev->stats.tx_bytes += skb->len;
	at = ptp_offset(skb);
	finished = at >= 0 && is_one_step(p, skb->data + at);
	wants = (skb_shinfo(skb)->tx_flags & SKBTX_HW_TSTAMP) &&
		p->tx_type != HWTSTAMP_TX_OFF && !finished;
	if (wants)
		skb_shinfo(skb)->tx_flags |= SKBTX_IN_PROGRESS;

	spin_lock_irqsave(&rig_lock, flags);
	raw = ktime_get_raw_ns();
	rig_clock_advance(&p->phc->clock, raw);
	rig_clock_advance(&q->phc->clock, raw);
	way = p->delay_ns;
	if (p->jitter_ns)
		way += abs((p->jitter_ns * rig_gauss(&p->random)) >> 16);
	sent = stamp(p, raw);
	received = stamp(q, raw + way);
	lost = rig_chance(&p->random, p->lost_ppm);
	stamp_lost = wants && rig_chance(&p->random, p->stamp_lost_ppm);
	if (finished)
		p->one_steps++;
	if (at >= 0 && (skb->data[at] & 15) == PTP_PDELAY_REQ && !lost) {
		q->request = skb->data[at + 30] << 8 | skb->data[at + 31];
		q->request_ns = received;
	}
	request = p->request;
	turnaround = sent - p->request_ns;
	spin_unlock_irqrestore(&rig_lock, flags);

	skb_tx_timestamp(skb);
	/* Others may hold clones of the frame: the peer gets its own. */
	to = READ_ONCE(q->dev);
	copy = !lost && to && netif_running(to) && netif_carrier_ok(to) ?
		skb_copy(skb, GFP_ATOMIC) : NULL;
	if (copy) {
		u8 *header = copy->data + max(at, 0);

		if (finished && (header[0] & 15) == PTP_SYNC)
			one_step_sync(header, sent);
		else if (finished && (header[30] << 8 | header[31]) == request)
			one_step_response(header, turnaround);
		skb_scrub_packet(copy, true);
		skb_shinfo(copy)->tx_flags = 0;
		memset(skb_hwtstamps(copy), 0, sizeof(stamps));
		if (at >= 0 && q->rx_filter != HWTSTAMP_FILTER_NONE)
			skb_hwtstamps(copy)->hwtstamp = ns_to_ktime(received);
		copy->ip_summed = CHECKSUM_UNNECESSARY;
		to->stats.rx_packets++;
		to->stats.rx_bytes += copy->len;
		copy->protocol = eth_type_trans(copy, to);
		netif_rx(copy);
	}
	if (wants && !stamp_lost) {
		stamps.hwtstamp = ns_to_ktime(sent);
		skb_tstamp_tx(skb, &stamps);
	} else if (stamp_lost) {
		p->stamps_lost++;
	}
	dev_consume_skb_any(skb);
	return NETDEV_TX_OK;
}

void rig_port_carrier(struct rig_port *p)
{
	struct net_device *a = p->dev, *b = p->peer->dev;
	bool up = a && b && netif_running(a) && netif_running(b) &&
		p->link && p->peer->link;

	if (a)
		up ? netif_carrier_on(a) : netif_carrier_off(a);
	if (b)
		up ? netif_carrier_on(b) : netif_carrier_off(b);
}

static int port_open(struct net_device *dev)
{
	struct rig_port *p = of_dev(dev), *q = p->peer;

	netif_start_queue(dev);
	if (p->link && q->link && q->dev && netif_running(q->dev)) {
		netif_carrier_on(dev);
		netif_carrier_on(q->dev);
	}
	return 0;
}

static int port_stop(struct net_device *dev)
{
	struct rig_port *p = of_dev(dev);

	netif_stop_queue(dev);
	netif_carrier_off(dev);
	if (p->peer->dev)
		netif_carrier_off(p->peer->dev);
	p->tx_type = HWTSTAMP_TX_OFF;
	p->rx_filter = HWTSTAMP_FILTER_NONE;
	return 0;
}

/* What the card stamps from now on; it answers with what it took. */
static int port_stamping(struct rig_port *p, int tx_type, int *rx_filter)
{
	if (tx_type != HWTSTAMP_TX_OFF && tx_type != HWTSTAMP_TX_ON &&
	    tx_type != HWTSTAMP_TX_ONESTEP_SYNC && tx_type != HWTSTAMP_TX_ONESTEP_P2P)
		return -ERANGE;
	if (*rx_filter == HWTSTAMP_FILTER_ALL)
		return -ERANGE;
	/* As many cards do: either all event messages or none. */
	if (*rx_filter != HWTSTAMP_FILTER_NONE)
		*rx_filter = HWTSTAMP_FILTER_PTP_V2_EVENT;
	p->tx_type = tx_type;
	p->rx_filter = *rx_filter;
	return 0;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
static int port_hwtstamp_get(struct net_device *dev, struct kernel_hwtstamp_config *c)
{
	struct rig_port *p = of_dev(dev);

	c->tx_type = p->tx_type;
	c->rx_filter = p->rx_filter;
	return 0;
}

static int port_hwtstamp_set(struct net_device *dev, struct kernel_hwtstamp_config *c,
			     struct netlink_ext_ack *extack)
{
	return port_stamping(of_dev(dev), c->tx_type, &c->rx_filter);
}
#else
static int port_ioctl(struct net_device *dev, struct ifreq *ifr, int cmd)
{
	struct rig_port *p = of_dev(dev);
	struct hwtstamp_config c = {};
	int err;

	if (cmd == SIOCGHWTSTAMP) {
		c.tx_type = p->tx_type;
		c.rx_filter = p->rx_filter;
	} else if (cmd == SIOCSHWTSTAMP) {
		if (copy_from_user(&c, ifr->ifr_data, sizeof(c)))
			return -EFAULT;
		err = port_stamping(p, c.tx_type, &c.rx_filter);
		if (err)
			return err;
	} else {
		return -EOPNOTSUPP;
	}
	return copy_to_user(ifr->ifr_data, &c, sizeof(c)) ? -EFAULT : 0;
}
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static int port_ts_info(struct net_device *dev, struct kernel_ethtool_ts_info *info)
#else
static int port_ts_info(struct net_device *dev, struct ethtool_ts_info *info)
#endif
{
	struct rig_port *p = of_dev(dev);

	info->so_timestamping = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
		SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_HARDWARE |
		SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
	info->phc_index = p->phc->ptp ? ptp_clock_index(p->phc->ptp) : -1;
	info->tx_types = BIT(HWTSTAMP_TX_OFF) | BIT(HWTSTAMP_TX_ON) |
		BIT(HWTSTAMP_TX_ONESTEP_SYNC) | BIT(HWTSTAMP_TX_ONESTEP_P2P);
	info->rx_filters = BIT(HWTSTAMP_FILTER_NONE) | BIT(HWTSTAMP_FILTER_PTP_V2_EVENT);
	return 0;
}

static int port_link_settings(struct net_device *dev, struct ethtool_link_ksettings *s)
{
	s->base.speed = SPEED_1000;
	s->base.duplex = DUPLEX_FULL;
	s->base.port = PORT_FIBRE;
	return 0;
}

static const struct ethtool_ops port_ethtool = {
	.get_link = ethtool_op_get_link,
	.get_ts_info = port_ts_info,
	.get_link_ksettings = port_link_settings,
};

static void port_rx_mode(struct net_device *dev)
{
	/* Every frame of the cable is taken. */
}

static const struct net_device_ops port_ops = {
	.ndo_open = port_open,
	.ndo_stop = port_stop,
	.ndo_start_xmit = port_xmit,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	.ndo_hwtstamp_get = port_hwtstamp_get,
	.ndo_hwtstamp_set = port_hwtstamp_set,
#else
	.ndo_eth_ioctl = port_ioctl,
#endif
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_set_rx_mode = port_rx_mode,
	.ndo_validate_addr = eth_validate_addr,
};

int rig_port_add(struct rig_port *p)
{
	u8 mac[ETH_ALEN] = { 0x02, 0x1b, 0x19, 0x72, 0x67, p->index };
	struct net_device *dev;
	int err;

	if (p->dev)
		return -EEXIST;
	err = rig_phc_get(p->phc);
	if (err)
		return err;
	dev = alloc_etherdev(sizeof(struct rig_port_private));
	if (!dev) {
		rig_phc_put(p->phc);
		return -ENOMEM;
	}
	((struct rig_port_private *)netdev_priv(dev))->port = p;
	snprintf(dev->name, sizeof(dev->name), "rig%d", p->index);
	dev->netdev_ops = &port_ops;
	dev->ethtool_ops = &port_ethtool;
	eth_hw_addr_set(dev, mac);
	netif_carrier_off(dev);
	WRITE_ONCE(p->dev, dev);
	err = register_netdev(dev);
	if (err) {
		WRITE_ONCE(p->dev, NULL);
		free_netdev(dev);
		rig_phc_put(p->phc);
	}
	return err;
}

void rig_port_remove(struct rig_port *p)
{
	struct net_device *dev = p->dev;

	if (!dev)
		return;
	unregister_netdev(dev);
	WRITE_ONCE(p->dev, NULL);
	synchronize_net();
	free_netdev(dev);
	rig_phc_put(p->phc);
}
