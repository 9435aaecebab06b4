/*
 * The protocol of muster, for spin. README.md says how to read and run it.
 *
 * One feature and the sheet that tells of it; instances, old and new, that
 * register, serve, lose their sessions, crash and return; agents, each of which
 * believes all the time that it leads. Everything may happen at any moment and
 * any number of times: no run is bounded.
 *
 * An `atomic` stands for one transaction of ZooKeeper, or for one thing that a
 * process does by itself, with nothing in it that others could come between. What
 * others can come between is several of them. A `d_step` is a stretch of one in
 * which nothing is chosen; it only saves the checker effort.
 *
 * Versions are only ever compared: with what was read, or with the revision at
 * which an epoch began. So there is one bit, is it so still, in place of a number
 * that grows for ever; and writers clear the bits of the others. Who would be
 * refused for what it has read forgets it at once.
 */

#ifndef INSTANCES
#define INSTANCES 2
#endif
#ifndef AGENTS
#define AGENTS 2
#endif

#if INSTANCES == 1
#define ANY(p) (p(0))
#elif INSTANCES == 2
#define ANY(p) (p(0) || p(1))
#elif INSTANCES == 3
#define ANY(p) (p(0) || p(1) || p(2))
#endif

/* Time is in ticks. A server that is cut off from its leader goes on answering
 * for LAG, and an instance goes on for LEASE after the last answer. */
#ifndef LAG
#define LAG 1
#endif
#ifndef LEASE
#define LEASE 1
#endif
#define QUARANTINE (LAG + LEASE)
#ifdef SHORT_QUARANTINE /* what is too old and has vanished is not waited for so long */
#define over(x) (gone[x] >= (old[x] -> LEASE : QUARANTINE))
#else
#define over(x) (gone[x] >= QUARANTINE)
#endif

mtype = { on, accept, off, none };                 /* stages; none: no request */
mtype = { joining, judged, heard, deceived, cut }; /* contact */
mtype = { idle, reading, listing, decided };       /* what an agent does */

/* --- What lies in ZooKeeper ------------------------------------------------ */

mtype stage = off;      /* of the status and of the sheet: one transaction writes both */
bool closed;            /* the gate */
bool wanted;            /* the command: on, or off */

bool member[INSTANCES]; /* the durable entry */
bool live[INSTANCES];   /* the ephemeral entry */
bool acked[INSTANCES];  /* it says a revision of the current epoch */
bool born[INSTANCES];   /* the durable entry says that it was acked at registration */
byte gone[INSTANCES];   /* ticks since a member's live entry went, up to QUARANTINE */

/* --- What an instance knows ------------------------------------------------ */

bool alive[INSTANCES];  /* there is a process */
bool old[INSTANCES];    /* its version does not know the new form */
mtype contact[INSTANCES] = joining;
                        /* joining:  a new session, in which it is no member yet
                           judged:   likewise, and the gate has let it pass
                           heard:    its session is well
                           deceived: its session has expired, and a server that
                                     lags answers as if it had not
                           cut:      nobody answers */
byte unheard[INSTANCES];         /* ticks since the last answered request was sent, up to LEASE */
mtype held[INSTANCES] = off;     /* the stage by the sheet that it has applied */
bool current[INSTANCES];         /* that sheet is of the current epoch */
mtype request[INSTANCES] = none; /* work in flight: the stage that it is pinned to */
bool recent[INSTANCES];          /* by a sheet of the current epoch */
#ifdef ACK_BY_STAGE
mtype told[INSTANCES] = none;    /* the stage that was acked last */
#endif

/* --- What an agent has read, and wants ------------------------------------- */

mtype phase[AGENTS] = idle;
byte list[AGENTS];                            /* the members, a bit for each */
bool settled[AGENTS];                         /* listing: nobody registered or left since */
mtype from[AGENTS] = off, to[AGENTS] = off;   /* the stage */
bool shut[AGENTS], shutting[AGENTS];          /* the gate */
bool wish[AGENTS];                            /* the command */
bool byRoster[AGENTS];                        /* its transaction compares the roster's version */

/* --- The promises ---------------------------------------------------------- */

bool G1 = true, G2 = true, G3 = true, G5 = true; /* named, so that pan names what is broken */

#define fenced(x) (unheard[x] >= LEASE)

/* Behind the fence a request is cancelled, or reads accept when it first reads. */
#ifdef NO_CANCEL
#define pinned(x, s) (request[x] == s)
#else
#define pinned(x, s) (request[x] == s && !fenced(x))
#endif

#ifdef FENCE_TO_OFF
#define deafAtFence(x) (fenced(x) && contact[x] != joining && contact[x] != judged)
#else
#define deafAtFence(x) false /* it understands; one that is too old takes no work */
#endif

/* Does anything in the instance send the new form, now? */
#define sends(x) (alive[x] && !old[x] && (held[x] == on && !fenced(x) || pinned(x, on)))

/* Does anything in it take a message now, and not understand the new form? */
#define deaf(x) (alive[x] && ((old[x] || held[x] == off) && !fenced(x) || deafAtFence(x) || pinned(x, off)))

#define beyondOff(x) (alive[x] && !old[x] && held[x] != off && !fenced(x))
#define oldMember(x) (member[x] && old[x])
#define behind(x)    (member[x] && alive[x] && !current[x] && !fenced(x))

/* --- What a write does to what others have read ---------------------------- */

inline forget(a) {
	phase[a] = idle; list[a] = 0; settled[a] = false; from[a] = off; to[a] = off; wish[a] = false
	shut[a] = false; shutting[a] = false; byRoster[a] = false
}

#ifdef MEMBERS_FIRST /* it reads the sheet when it has the list */
#define hasRead(a) (phase[a] == decided)
#else
#define hasRead(a) true
#endif

/* The status was written. */
inline newStatus() {
#ifndef NO_COMPARE
	d_step {
		for (n : 0 .. AGENTS-1) {
			if
			:: hasRead(n) -> forget(n)
			:: else
			fi
		}
		n = 0
	}
#else
	skip
#endif
}

/* The roster was written. */
inline newRoster() {
#ifndef NO_COMPARE
	d_step {
		for (n : 0 .. AGENTS-1) {
			if
			:: byRoster[n] -> forget(n)
			:: else -> settled[n] = false
			fi
		}
		n = 0
	}
#else
	skip
#endif
}

/* The member is none any more. Who has it in a list finds no live entry of it. */
inline noMember(x) {
	d_step {
		for (n : 0 .. AGENTS-1) {
			if
			:: list[n] & (1 << x) -> forget(n)
			:: else
			fi
		}
		n = 0
	}
}

/* The sheet was written. */
inline newSheet() {
#ifndef CHECK_THEN_JOIN
	d_step {
		for (n : 0 .. INSTANCES-1) {
			if
			:: contact[n] == judged -> contact[n] = joining
			:: else
			fi
		}
		n = 0
	}
#else
	skip
#endif
}

#ifdef BIRTH_FOR_EVER
#define lasts(x) born[x]
#else
#define lasts(x) false
#endif

/* With a new epoch: what was applied, pinned and acked so far is older. */
inline newEpoch() {
	d_step {
		for (n : 0 .. INSTANCES-1) { current[n] = false; recent[n] = false; acked[n] = false; born[n] = lasts(n) }
		n = 0
	}
}

/* --- Instances ------------------------------------------------------------- */

#ifdef NO_GATE
#define admits(x) true
#else
#define admits(x) (!closed || !old[x])
#endif

#ifdef ACK_BEFORE_DRAIN
#define drained(x) true
#else
#define drained(x) (request[x] == none || recent[x])
#endif

#ifdef ACK_BY_STAGE
#define ack(x)    acked[x] = true; told[x] = held[x]
#else
#define ack(x)    acked[x] = true
#endif
#define mayAck(x) (live[x] && current[x] && drained(x) && !acked[x])

inline apply(x) {
	current[x] = true
	if
	:: old[x] -> skip /* whose code does not ask */
	:: else   -> held[x] = stage
	fi
}

/* The fence comes down. The context of a request that has relied on an answer is
 * cancelled. One that has not looked yet goes on, and stays behind the fence if
 * its session is over. */
inline fence(x) {
#ifndef NO_CANCEL
	if
	:: request[x] = none; recent[x] = false
	:: request[x] != none && live[x]
	fi
#endif
	if
	:: !live[x] && contact[x] != judged -> held[x] = off; current[x] = false /* it joins before it matters again */
	:: else
	fi
}

/* Nothing of it is left but what is in the registry. */
inline end(x) {
	alive[x] = false; old[x] = old[x] && member[x]; contact[x] = joining
	unheard[x] = 0; held[x] = off; current[x] = false; request[x] = none; recent[x] = false
}

proctype Instance(byte me) {
	byte n;
	do
	/* A process starts, where its predecessor has left or was reaped. */
	:: atomic { !alive[me] && !member[me] ->
		alive[me] = true; unheard[me] = LEASE /* who has never joined stands at the fence */
		if
		:: old[me] = true;  printf("instance %d starts, old\n", me)
		:: old[me] = false; printf("instance %d starts, new\n", me)
		fi
	   }

	/* Registration, at birth and on return. The sheet is read and judged by, and
	 * applied where the gate admits; then one transaction asserts that it is the
	 * sheet still. */
	:: atomic { alive[me] && contact[me] == joining && admits(me) ->
		contact[me] = judged; apply(me)
		printf("instance %d passes the gate, and applies %e\n", me, stage)
	   }
	:: atomic { alive[me] && contact[me] == joining && !admits(me) && !fenced(me) ->
		unheard[me] = LEASE; fence(me)
		printf("instance %d is refused, and fenced\n", me)
	   }
	:: atomic { contact[me] == judged ->
		printf("instance %d registers\n", me)
		G2 = !old[me] || stage == off && !closed && !ANY(beyondOff)
		assert(G2)
#ifndef NO_CANCEL
		if
		:: fenced(me) -> request[me] = none; recent[me] = false
		:: else
		fi
#endif
		member[me] = true; live[me] = true; gone[me] = 0; acked[me] = false
		contact[me] = heard; unheard[me] = 0
		if
		:: mayAck(me) -> ack(me)
		:: else
		fi
		born[me] = acked[me]
		newRoster()
	   }

	/* Life as a member. */
	:: atomic { (contact[me] == heard || contact[me] == deceived) && !current[me] ->
		apply(me)
		printf("instance %d applies %e\n", me, stage)
	   }
	:: atomic { contact[me] == heard && mayAck(me) ->
		ack(me)
		printf("instance %d acks %e\n", me, held[me])
	   }
	/* A request that is pinned to accept is everybody's neighbour: leave it out. */
	:: atomic { alive[me] && !old[me] && request[me] == none && held[me] != accept &&
	            contact[me] != judged && contact[me] != joining && !fenced(me) ->
		request[me] = held[me]; recent[me] = current[me]
		printf("instance %d begins a request at %e\n", me, held[me])
	   }
	:: atomic { request[me] != none ->
		request[me] = none; recent[me] = false
		printf("instance %d ends its request\n", me)
	   }

	/* Leaving, having drained; and dying. */
	:: atomic { contact[me] == heard && live[me] && request[me] == none ->
		member[me] = false; live[me] = false; acked[me] = false; born[me] = false
		end(me)
		printf("instance %d leaves\n", me)
		noMember(me); newRoster()
	   }
	:: atomic { alive[me] ->
		end(me)
		printf("instance %d crashes\n", me)
	   }

	/* Its session. The leader of the ensemble expires it, whatever the client
	 * hears; the network is cut and heals; the client finds out. */
	:: atomic { live[me] ->
		live[me] = false; acked[me] = false
		if
		:: contact[me] == heard -> contact[me] = deceived
		:: else
		fi
		if
		:: alive[me] && fenced(me) -> fence(me)
		:: else
		fi
		printf("instance %d vanishes: its session has expired\n", me)
	   }
	:: atomic { contact[me] == heard || contact[me] == deceived ->
		contact[me] = cut
		printf("instance %d is cut off\n", me)
	   }
	:: atomic { contact[me] == cut && live[me] ->
		contact[me] = heard; unheard[me] = 0
		printf("instance %d is connected again\n", me)
	   }
	:: atomic { (contact[me] == deceived || contact[me] == cut) && !live[me] ->
		contact[me] = joining
		printf("instance %d learns that its session has expired\n", me)
	   }

	/* An agent reaps it. That it has judged some time before makes no difference,
	 * as its transaction asserts that the member has not returned since. */
	:: atomic { member[me] && !live[me] && over(me) ->
		member[me] = false; gone[me] = 0; born[me] = false; old[me] = old[me] && alive[me]
		printf("instance %d is reaped\n", me)
		noMember(me)
	   }
	od
}

/* Time passes for all at once: whoever measures it measures all of it. */
proctype Clock() {
	byte x;
	do
	:: atomic {
		printf("a tick\n")
		for (x : 0 .. INSTANCES-1) {
			if
			:: member[x] && !live[x] && gone[x] < QUARANTINE -> gone[x]++
			:: else
			fi
			if
			:: contact[x] == deceived && gone[x] >= LAG -> contact[x] = cut
			:: alive[x] && contact[x] != heard && contact[x] != deceived && !fenced(x) ->
				unheard[x]++
				if
				:: fenced(x) -> printf("instance %d is fenced\n", x); fence(x)
				:: else
				fi
			:: else
			fi
		}
		x = 0
	   }
	od
}

/* --- Agents ---------------------------------------------------------------- */

#ifdef EPHEMERAL_ROSTER
#define counts(x) live[x]
#else
#define counts(x) member[x]
#endif

#ifdef ACK_BY_STAGE
#define hasAcked(x) (live[x] && told[x] == stage)
#else
#define hasAcked(x) (live[x] && acked[x] || member[x] && born[x])
#endif

#ifdef OPEN_EARLY
#define mayOpen true
#else
#define mayOpen allAcked
#endif

proctype Agent(byte me) {
	byte n;
	bool ready, allAcked, someone;
	do
	/* First the sheet and the status, whose versions every transaction compares. */
	:: atomic { phase[me] == idle ->
		phase[me] = reading
		from[me] = stage; shut[me] = closed; wish[me] = wanted
		printf("agent %d reads the sheet: %e\n", me, stage)
	   }

	/* Then the roster's version and its members. */
	:: atomic { phase[me] == reading ->
		printf("agent %d lists the members\n", me)
		phase[me] = listing; settled[me] = true
		d_step {
			for (n : 0 .. INSTANCES-1) {
				if
				:: counts(n) -> list[me] = list[me] | (1 << n)
				:: else
				fi
			}
			n = 0
		}
	   }

	/* Then their live entries, and nothing else goes into the decision. */
	:: atomic { phase[me] == listing ->
#ifdef MEMBERS_FIRST
		from[me] = stage; shut[me] = closed; wish[me] = wanted
		printf("agent %d reads the sheet, after the list: %e\n", me, stage)
#endif
		printf("agent %d reads the acks, and decides\n", me)
		d_step {
			ready = true; allAcked = true; someone = false
			for (n : 0 .. INSTANCES-1) {
				if
				:: list[me] & (1 << n) ->
					ready = ready && !old[n]
					allAcked = allAcked && hasAcked(n)
					someone = someone || live[n] && !old[n]
				:: else
				fi
			}
			ready = ready && someone; n = 0; list[me] = 0
		}
		phase[me] = decided; to[me] = from[me]; shutting[me] = shut[me]
		if
		:: from[me] == off && wish[me] && ready ->
			if
			:: shut[me] -> to[me] = accept; shutting[me] = true
			:: !shut[me] && settled[me] -> to[me] = accept; shutting[me] = true; byRoster[me] = true
			:: !shut[me] -> shutting[me] = true /* registrations do not pause */
			fi
		:: from[me] == off && shut[me] && !(wish[me] && ready) && mayOpen -> shutting[me] = false
		:: from[me] == accept && wish[me] && allAcked && someone -> to[me] = on
		:: from[me] == accept && !wish[me] && allAcked           -> to[me] = off
		:: from[me] == on && !wish[me] -> to[me] = accept /* at once, needing nobody */
		:: else -> forget(me) /* it waits */
		fi
		ready = false; allAcked = false; someone = false; settled[me] = false
	   }

	/* And some time later, its transaction. */
	:: atomic { phase[me] == decided ->
		if
		:: to[me] != from[me] -> printf("agent %d moves %e -> %e\n", me, from[me], to[me])
		:: to[me] == from[me] && shutting[me]  -> printf("agent %d closes the gate\n", me)
		:: to[me] == from[me] && !shutting[me] -> printf("agent %d opens the gate\n", me)
		fi
		/* The record that is written with it goes on from the record before, and
		 * the command that was given is not lost. */
		G5 = stage == from[me] && closed == shut[me] && wanted == wish[me]
		assert(G5)
		G1 = (from[me] != off || to[me] != accept || !ANY(oldMember)) && (to[me] != on || !ANY(behind))
		assert(G1)
		stage = to[me]; closed = shutting[me]; wanted = wish[me]
		if
		:: to[me] != from[me] -> newEpoch()
		:: else
		fi
		forget(me); newSheet(); newStatus()
	   }
	od
}

proctype Operator() {
	byte n;
	do
	:: atomic {
		wanted = !wanted
		if
		:: wanted -> printf("the operator activates it\n")
		:: else   -> printf("the operator deactivates it\n")
		fi
		newStatus()
	   }
	od
}

/* G3: what sends the new form never meets what does not understand it. */
proctype Witness() {
	byte x;
	atomic { ANY(sends) && ANY(deaf) ->
		for (x : 0 .. INSTANCES-1) {
			if
			:: sends(x) -> printf("instance %d sends the new form\n", x)
			:: else
			fi
			if
			:: deaf(x) -> printf("instance %d does not understand the new form\n", x)
			:: else
			fi
		}
		G3 = false
		assert(G3)
	}
}

init {
	byte n;
	atomic {
		for (n : 0 .. INSTANCES-1) { run Instance(n) }
		for (n : 0 .. AGENTS-1)    { run Agent(n) }
		n = 0
		run Clock(); run Operator(); run Witness()
	}
}
