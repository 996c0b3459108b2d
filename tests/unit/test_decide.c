/* SPDX-License-Identifier: Apache-2.0 */
/* The decision table of supervise: every state × event, then what holds on every path. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "dind/supervise.h"

/* clang-format off */

#define STARTING	STATE_STARTING
#define RESTARTING	STATE_RESTARTING
#define PREPARING	STATE_PREPARING
#define RUNNING		STATE_RUNNING
#define STOP_WORKLOAD	STATE_STOP_WORKLOAD
#define STOP_REST	STATE_STOP_REST
#define STOP_ENGINE	STATE_STOP_ENGINE
#define KILL_CONT	STATE_KILL_CONTAINERS
#define KILL_ENGINE	STATE_KILL_ENGINE
#define STOP_CTRD	STATE_STOP_CONTAINERD
#define CLEAN_UP	STATE_CLEAN_UP
#define DONE		STATE_DONE

/* What belongs to a phase that begins. */
#define TO_CLEAN_UP	(ACTION_CLOSE_LISTENERS | ACTION_KILL_REST | ACTION_START_CLEAN_UP)
#define TO_STOP		(ACTION_TERM_ENGINE | ACTION_START_SYNC)
#define TO_WORKLOAD	(ACTION_TERM_WORKLOAD | ACTION_START_SYNC)
#define LOST		(ACTION_CLOSE_LISTENERS | ACTION_REPLAY_LOG)
#define AGAIN		(ACTION_REPLAY_LOG | ACTION_PAUSE)

/*
 * The view as letters: C a COMMAND was given, c it runs, e the engine runs, n --no-wait, r the engine was
 * ready, h a HUP is held, d containerd runs, l it is given up, P there is a job before ready, p it runs, ! it is
 * required, W there is a watch, w it runs, a the engine is to be started again, R a HUP is merged first, g that is
 * under way, k COMMAND was started and may leave something; a digit: TERMs so far.
 */
static const struct row {
	enum supervise_state state;
	enum supervise_event event;
	const char *view;
	enum supervise_state next;
	unsigned int actions;
} rows[] = {
	/* ---- starting: the engine alone, then with a COMMAND that waits, then with one that does not ---- */
	{ STARTING, EVENT_ENGINE_READY,	   "e",	   RUNNING, ACTION_ANNOUNCE_READY },
	{ STARTING, EVENT_ENGINE_READY,	   "eh",   RUNNING, ACTION_ANNOUNCE_READY | ACTION_SEND_HELD_HUP },
	{ STARTING, EVENT_ENGINE_READY,	   "Ce",   RUNNING, ACTION_ANNOUNCE_READY | ACTION_START_WORKLOAD },
	{ STARTING, EVENT_ENGINE_READY,	   "Ceh",  RUNNING, ACTION_ANNOUNCE_READY | ACTION_START_WORKLOAD | ACTION_SEND_HELD_HUP },
	{ STARTING, EVENT_ENGINE_READY,	   "Ccen", RUNNING, ACTION_ANNOUNCE_READY },
	{ STARTING, EVENT_ENGINE_STOPPING, "e",	   STARTING, ACTION_CLOSE_LISTENERS },
	{ STARTING, EVENT_ENGINE_STOPPING, "Ce",   STARTING, ACTION_CLOSE_LISTENERS },
	{ STARTING, EVENT_ENGINE_EXIT,	   "",	   CLEAN_UP, LOST | ACTION_START_SYNC | TO_CLEAN_UP },
	{ STARTING, EVENT_ENGINE_EXIT,	   "C",	   CLEAN_UP, LOST | ACTION_START_SYNC | TO_CLEAN_UP },
	{ STARTING, EVENT_ENGINE_EXIT,	   "Ccn",  STOP_WORKLOAD, LOST | TO_WORKLOAD },
	{ STARTING, EVENT_WORKLOAD_EXIT,   "Cen",  STOP_ENGINE, TO_STOP },
	{ STARTING, EVENT_WORKLOAD_FAILED, "Cen",  STOP_ENGINE, TO_STOP },
	{ STARTING, EVENT_CLEAN_UP_EXIT,   "e",	   STARTING, ACTION_NONE },
	{ STARTING, EVENT_TERM,		   "e1",   STOP_ENGINE, TO_STOP },
	{ STARTING, EVENT_TERM,		   "Ce1",  STOP_ENGINE, TO_STOP },
	{ STARTING, EVENT_TERM,		   "Ccen1", STOP_WORKLOAD, TO_WORKLOAD },
	{ STARTING, EVENT_HUP,		   "e",	   STARTING, ACTION_HOLD_HUP },
	{ STARTING, EVENT_HUP,		   "Ce",   STARTING, ACTION_HOLD_HUP },
	{ STARTING, EVENT_HUP,		   "Ccen", STARTING, ACTION_FORWARD_WORKLOAD },
	{ STARTING, EVENT_FORWARD,	   "e",	   STARTING, ACTION_FORWARD_ENGINE },
	{ STARTING, EVENT_FORWARD,	   "Ce",   STARTING, ACTION_NONE },
	{ STARTING, EVENT_FORWARD,	   "Ccen", STARTING, ACTION_FORWARD_WORKLOAD },
	{ STARTING, EVENT_DEADLINE,	   "e",	   STOP_ENGINE, LOST | TO_STOP },
	{ STARTING, EVENT_DEADLINE,	   "Ce",   STOP_ENGINE, LOST | TO_STOP },
	{ STARTING, EVENT_DEADLINE,	   "Ccen", STOP_WORKLOAD, LOST | TO_WORKLOAD },
	{ STARTING, EVENT_TICK,		   "e",	   STARTING, ACTION_NONE },

	{ STARTING, EVENT_ENGINE_READY,	   "edP",  PREPARING, ACTION_START_PREPARE },
	{ STARTING, EVENT_ENGINE_READY,	   "CehP!W", PREPARING, ACTION_START_PREPARE },
	{ STARTING, EVENT_ENGINE_READY,	   "eW",   RUNNING, ACTION_ANNOUNCE_READY | ACTION_START_WATCH },
	{ STARTING, EVENT_ENGINE_EXIT,	   "d",	   STOP_CTRD, LOST | ACTION_START_SYNC | ACTION_TERM_CONTAINERD },
	{ STARTING, EVENT_CONTAINERD_EXIT, "e",	   STARTING, ACTION_RESTART_CONTAINERD },
	{ STARTING, EVENT_CONTAINERD_EXIT, "el",   STOP_ENGINE, LOST | TO_STOP },
	{ STARTING, EVENT_CONTAINERD_EXIT, "Ccenl", STOP_WORKLOAD, LOST | TO_WORKLOAD },
	{ STARTING, EVENT_CONTAINERD_EXIT, "",	   STARTING, ACTION_NONE }, /* the engine went first */
	{ STARTING, EVENT_PREPARED,	   "eP",   STARTING, ACTION_NONE },
	{ STARTING, EVENT_PREPARE_FAILED,  "eP!",  STARTING, ACTION_NONE },
	{ STARTING, EVENT_WATCH_EXIT,	   "eW",   STARTING, ACTION_NONE },
	{ STARTING, EVENT_ENGINE_EXIT,	   "a",	   RESTARTING, AGAIN },
	{ STARTING, EVENT_ENGINE_EXIT,	   "Ccnda", RESTARTING, AGAIN }, /* containerd stays, so does COMMAND */
	{ STARTING, EVENT_RESTART,	   "e",	   STARTING, ACTION_NONE },
	/* for the second time: COMMAND runs, so does the watch */
	{ STARTING, EVENT_ENGINE_READY,	   "CcenWw", RUNNING, ACTION_ANNOUNCE_READY },
	{ STARTING, EVENT_ENGINE_READY,	   "CcenW", RUNNING, ACTION_ANNOUNCE_READY | ACTION_START_WATCH },

	/* ---- no engine for a moment ---- */
	{ RESTARTING, EVENT_RESTART,	     "",     STARTING, ACTION_START_ENGINE },
	{ RESTARTING, EVENT_RESTART,	     "CcndWw", STARTING, ACTION_START_ENGINE },
	{ RESTARTING, EVENT_ENGINE_READY,    "",     RESTARTING, ACTION_NONE }, /* the dead one's */
	{ RESTARTING, EVENT_ENGINE_STOPPING, "",     RESTARTING, ACTION_NONE },
	{ RESTARTING, EVENT_ENGINE_EXIT,     "a",    RESTARTING, ACTION_NONE },
	{ RESTARTING, EVENT_WORKLOAD_EXIT,   "Cn",   CLEAN_UP, ACTION_START_SYNC | TO_CLEAN_UP },
	{ RESTARTING, EVENT_WORKLOAD_EXIT,   "CndWw", STOP_CTRD, ACTION_CLOSE_LISTENERS | ACTION_START_SYNC | ACTION_TERM_WATCH | ACTION_TERM_CONTAINERD },
	{ RESTARTING, EVENT_WORKLOAD_FAILED, "Cn",   CLEAN_UP, ACTION_START_SYNC | TO_CLEAN_UP },
	{ RESTARTING, EVENT_CLEAN_UP_EXIT,   "",     RESTARTING, ACTION_NONE },
	{ RESTARTING, EVENT_TERM,	     "1",    CLEAN_UP, ACTION_START_SYNC | TO_CLEAN_UP },
	{ RESTARTING, EVENT_TERM,	     "Ccn1", STOP_WORKLOAD, ACTION_CLOSE_LISTENERS | TO_WORKLOAD },
	{ RESTARTING, EVENT_HUP,	     "",     RESTARTING, ACTION_HOLD_HUP },
	{ RESTARTING, EVENT_HUP,	     "Ccn",  RESTARTING, ACTION_FORWARD_WORKLOAD },
	{ RESTARTING, EVENT_FORWARD,	     "",     RESTARTING, ACTION_NONE },
	{ RESTARTING, EVENT_FORWARD,	     "Ccn",  RESTARTING, ACTION_FORWARD_WORKLOAD },
	{ RESTARTING, EVENT_DEADLINE,	     "",     RESTARTING, ACTION_NONE },
	{ RESTARTING, EVENT_TICK,	     "",     RESTARTING, ACTION_NONE },
	{ RESTARTING, EVENT_CONTAINERD_EXIT, "",     RESTARTING, ACTION_NONE }, /* started with the engine */
	{ RESTARTING, EVENT_PREPARED,	     "P",    RESTARTING, ACTION_NONE },
	{ RESTARTING, EVENT_PREPARE_FAILED,  "P!",   RESTARTING, ACTION_NONE },
	{ RESTARTING, EVENT_WATCH_EXIT,	     "W",    RESTARTING, ACTION_NONE },
	{ RESTARTING, EVENT_RELOADED,	     "Rh",   RESTARTING, ACTION_NONE }, /* the next one reads it */
	{ RESTARTING, EVENT_RELOAD_FAILED,   "Rh",   RESTARTING, ACTION_NONE },
	{ STARTING, EVENT_ENGINE_READY,	   "ehRg", RUNNING, ACTION_ANNOUNCE_READY }, /* at its end */
	{ STARTING, EVENT_RELOADED, "eW", STARTING, ACTION_HOLD_HUP },
	{ STARTING, EVENT_RELOAD_FAILED, "eW", STARTING, ACTION_NONE },
	{ STARTING, EVENT_ENGINE_READY,	   "ehR",  RUNNING, ACTION_ANNOUNCE_READY | ACTION_RELOAD },
	{ STARTING, EVENT_ENGINE_READY,	   "CehR", RUNNING, ACTION_ANNOUNCE_READY | ACTION_START_WORKLOAD | ACTION_SEND_HELD_HUP },
	{ STARTING, EVENT_HUP,		   "eR",   STARTING, ACTION_HOLD_HUP },

	/* ---- the engine is ready, we are not ---- */
	{ PREPARING, EVENT_ENGINE_READY,    "erPp",  PREPARING, ACTION_NONE },
	{ PREPARING, EVENT_ENGINE_STOPPING, "erPp",  PREPARING, ACTION_CLOSE_LISTENERS },
	{ PREPARING, EVENT_ENGINE_EXIT,	    "rPp",   CLEAN_UP, LOST | ACTION_START_SYNC | ACTION_KILL_PREPARE | TO_CLEAN_UP },
	{ PREPARING, EVENT_ENGINE_EXIT,	    "drPp",  STOP_CTRD, LOST | ACTION_START_SYNC | ACTION_KILL_PREPARE | ACTION_TERM_CONTAINERD },
	{ PREPARING, EVENT_ENGINE_EXIT,	    "CcnrPp", STOP_WORKLOAD, LOST | TO_WORKLOAD | ACTION_KILL_PREPARE },
	{ PREPARING, EVENT_WORKLOAD_EXIT,   "CenrPp", STOP_ENGINE, TO_STOP | ACTION_KILL_PREPARE },
	{ PREPARING, EVENT_WORKLOAD_FAILED, "CenrPp", STOP_ENGINE, TO_STOP | ACTION_KILL_PREPARE },
	{ PREPARING, EVENT_CLEAN_UP_EXIT,   "erPp",  PREPARING, ACTION_NONE },
	{ PREPARING, EVENT_TERM,	    "erPp1", STOP_ENGINE, TO_STOP | ACTION_KILL_PREPARE },
	{ PREPARING, EVENT_TERM,	    "CcenrPp1", STOP_WORKLOAD, TO_WORKLOAD | ACTION_KILL_PREPARE },
	{ PREPARING, EVENT_HUP,		    "erPp",  PREPARING, ACTION_HOLD_HUP },
	{ PREPARING, EVENT_HUP,		    "CcenrPp", PREPARING, ACTION_FORWARD_WORKLOAD },
	{ PREPARING, EVENT_FORWARD,	    "erPp",  PREPARING, ACTION_FORWARD_ENGINE },
	{ PREPARING, EVENT_FORWARD,	    "CerPp", PREPARING, ACTION_NONE },
	{ PREPARING, EVENT_DEADLINE,	    "CerPp", RUNNING, ACTION_KILL_PREPARE | ACTION_ANNOUNCE_READY | ACTION_START_WORKLOAD },
	{ PREPARING, EVENT_DEADLINE,	    "erPp!", STOP_ENGINE, TO_STOP | ACTION_KILL_PREPARE },
	{ PREPARING, EVENT_TICK,	    "erPp",  PREPARING, ACTION_NONE },
	{ PREPARING, EVENT_CONTAINERD_EXIT, "erPp",  PREPARING, ACTION_RESTART_CONTAINERD },
	{ PREPARING, EVENT_CONTAINERD_EXIT, "erPpl", STOP_ENGINE, LOST | TO_STOP | ACTION_KILL_PREPARE },
	{ PREPARING, EVENT_PREPARED,	    "erP",   RUNNING, ACTION_ANNOUNCE_READY },
	{ PREPARING, EVENT_PREPARED,	    "CerhP!W", RUNNING, ACTION_ANNOUNCE_READY | ACTION_START_WATCH | ACTION_START_WORKLOAD | ACTION_SEND_HELD_HUP },
	{ PREPARING, EVENT_PREPARED,	    "CcenrP", RUNNING, ACTION_ANNOUNCE_READY },
	{ PREPARING, EVENT_PREPARE_FAILED,  "CerP",  RUNNING, ACTION_ANNOUNCE_READY | ACTION_START_WORKLOAD },
	{ PREPARING, EVENT_PREPARE_FAILED,  "CerP!", STOP_ENGINE, TO_STOP },
	{ PREPARING, EVENT_PREPARE_FAILED,  "CcenrP!", STOP_WORKLOAD, TO_WORKLOAD },
	{ PREPARING, EVENT_WATCH_EXIT,	    "erPpW", PREPARING, ACTION_NONE },
	{ PREPARING, EVENT_ENGINE_EXIT,	    "rPp!a", RESTARTING, AGAIN | ACTION_KILL_PREPARE },
	{ PREPARING, EVENT_RESTART,	    "erPp",  PREPARING, ACTION_NONE },
	{ PREPARING, EVENT_RELOADED, "erPpW", PREPARING, ACTION_HOLD_HUP },
	{ PREPARING, EVENT_RELOAD_FAILED, "erPpW", PREPARING, ACTION_NONE },

	/* ---- running ---- */
	{ RUNNING, EVENT_ENGINE_READY,	  "er",	  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_ENGINE_READY,	  "Ccer", RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_ENGINE_STOPPING, "er",	  RUNNING, ACTION_CLOSE_LISTENERS },
	{ RUNNING, EVENT_ENGINE_STOPPING, "Ccer", RUNNING, ACTION_CLOSE_LISTENERS },
	{ RUNNING, EVENT_ENGINE_EXIT,	  "r",	  CLEAN_UP, LOST | ACTION_START_SYNC | TO_CLEAN_UP },
	{ RUNNING, EVENT_ENGINE_EXIT,	  "Ccr",  STOP_WORKLOAD, LOST | TO_WORKLOAD },
	{ RUNNING, EVENT_WORKLOAD_EXIT,	  "Cer",  STOP_ENGINE, TO_STOP },
	{ RUNNING, EVENT_WORKLOAD_FAILED, "Cer",  STOP_ENGINE, TO_STOP },
	{ RUNNING, EVENT_CLEAN_UP_EXIT,	  "Ccer", RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_TERM,		  "er1",  STOP_ENGINE, TO_STOP },
	{ RUNNING, EVENT_TERM,		  "Ccer1", STOP_WORKLOAD, TO_WORKLOAD },
	{ RUNNING, EVENT_HUP,		  "er",	  RUNNING, ACTION_FORWARD_ENGINE },
	{ RUNNING, EVENT_HUP,		  "Ccer", RUNNING, ACTION_FORWARD_WORKLOAD },
	{ RUNNING, EVENT_FORWARD,	  "er",	  RUNNING, ACTION_FORWARD_ENGINE },
	{ RUNNING, EVENT_FORWARD,	  "Ccer", RUNNING, ACTION_FORWARD_WORKLOAD },
	{ RUNNING, EVENT_DEADLINE,	  "er",	  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_DEADLINE,	  "Ccer", RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_TICK,		  "Ccer", RUNNING, ACTION_NONE },

	{ RUNNING, EVENT_ENGINE_EXIT,	  "dr",	  STOP_CTRD, LOST | ACTION_START_SYNC | ACTION_TERM_CONTAINERD },
	{ RUNNING, EVENT_ENGINE_EXIT,	  "Ccdr", STOP_WORKLOAD, LOST | TO_WORKLOAD },
	{ RUNNING, EVENT_TERM,		  "edrWw1", STOP_ENGINE, TO_STOP | ACTION_TERM_WATCH },
	{ RUNNING, EVENT_TERM,		  "CcedrWw1", STOP_WORKLOAD, TO_WORKLOAD | ACTION_TERM_WATCH },
	{ RUNNING, EVENT_TERM,		  "edrPp1", STOP_ENGINE, TO_STOP | ACTION_KILL_PREPARE }, /* late, not yet gone */
	{ RUNNING, EVENT_CONTAINERD_EXIT, "Ccer", RUNNING, ACTION_RESTART_CONTAINERD },
	{ RUNNING, EVENT_CONTAINERD_EXIT, "erl",  STOP_ENGINE, LOST | TO_STOP },
	{ RUNNING, EVENT_CONTAINERD_EXIT, "Ccerl", STOP_WORKLOAD, LOST | TO_WORKLOAD },
	{ RUNNING, EVENT_CONTAINERD_EXIT, "r",	  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_PREPARED,	  "erP",  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_PREPARE_FAILED,  "erP!", RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_WATCH_EXIT,	  "erW",  RUNNING, ACTION_RESTART_WATCH },
	{ RUNNING, EVENT_ENGINE_EXIT,	  "ra",	  RESTARTING, AGAIN },
	{ RUNNING, EVENT_ENGINE_EXIT,	  "CcndrWwa", RESTARTING, AGAIN },
	{ RUNNING, EVENT_RESTART,	  "er",	  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_HUP,		  "erR",  RUNNING, ACTION_RELOAD },
	{ RUNNING, EVENT_HUP,		  "erRg", RUNNING, ACTION_HOLD_HUP },
	{ RUNNING, EVENT_HUP,		  "CcerR", RUNNING, ACTION_FORWARD_WORKLOAD },
	{ RUNNING, EVENT_HUP,		  "rR",	  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_RELOADED,	  "erR",  RUNNING, ACTION_HUP_ENGINE },
	{ RUNNING, EVENT_RELOADED,	  "erRh", RUNNING, ACTION_HUP_ENGINE | ACTION_RELOAD },
	{ RUNNING, EVENT_RELOADED,	  "rRh",  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_RELOAD_FAILED, "erR",  RUNNING, ACTION_NONE },
	{ RUNNING, EVENT_RELOAD_FAILED, "erRh", RUNNING, ACTION_RELOAD },

	/* ---- COMMAND has its time ---- */
	{ STOP_WORKLOAD, EVENT_ENGINE_READY,	"Ccen1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_ENGINE_STOPPING, "Ccer1", STOP_WORKLOAD, ACTION_CLOSE_LISTENERS },
	{ STOP_WORKLOAD, EVENT_ENGINE_EXIT,	"Ccr1",	 STOP_WORKLOAD, LOST },
	{ STOP_WORKLOAD, EVENT_WORKLOAD_EXIT,	"Cer1",	 STOP_ENGINE, ACTION_TERM_ENGINE },
	{ STOP_WORKLOAD, EVENT_WORKLOAD_EXIT,	"Cr",	 CLEAN_UP, TO_CLEAN_UP },
	{ STOP_WORKLOAD, EVENT_WORKLOAD_FAILED, "Cer1",	 STOP_ENGINE, ACTION_TERM_ENGINE },
	{ STOP_WORKLOAD, EVENT_CLEAN_UP_EXIT,	"Ccer1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccr1",	 STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccer2", STOP_ENGINE, ACTION_KILL_WORKLOAD | ACTION_TERM_ENGINE },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccr2",	 CLEAN_UP, ACTION_KILL_WORKLOAD | TO_CLEAN_UP },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccer3", KILL_ENGINE, ACTION_KILL_WORKLOAD | ACTION_KILL_ENGINE },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccr3",	 CLEAN_UP, ACTION_KILL_WORKLOAD | TO_CLEAN_UP },
	{ STOP_WORKLOAD, EVENT_HUP,		"Ccer1", STOP_WORKLOAD, ACTION_FORWARD_WORKLOAD },
	{ STOP_WORKLOAD, EVENT_FORWARD,		"Ccer1", STOP_WORKLOAD, ACTION_FORWARD_WORKLOAD },
	{ STOP_WORKLOAD, EVENT_DEADLINE,	"Ccer1", STOP_ENGINE, ACTION_KILL_WORKLOAD | ACTION_TERM_ENGINE },
	{ STOP_WORKLOAD, EVENT_DEADLINE,	"Ccr",	 CLEAN_UP, ACTION_KILL_WORKLOAD | TO_CLEAN_UP },
	{ STOP_WORKLOAD, EVENT_TICK,		"Ccer1", STOP_WORKLOAD, ACTION_NONE },

	{ STOP_WORKLOAD, EVENT_WORKLOAD_EXIT,	"Cdr",	 STOP_CTRD, ACTION_TERM_CONTAINERD },
	{ STOP_WORKLOAD, EVENT_TERM,		"Ccdr3", STOP_CTRD, ACTION_KILL_WORKLOAD | ACTION_TERM_CONTAINERD },
	{ STOP_WORKLOAD, EVENT_DEADLINE,	"Ccdr",	 STOP_CTRD, ACTION_KILL_WORKLOAD | ACTION_TERM_CONTAINERD },
	{ STOP_WORKLOAD, EVENT_CONTAINERD_EXIT, "Ccer1", STOP_WORKLOAD, ACTION_RESTART_CONTAINERD }, /* COMMAND may need it */
	{ STOP_WORKLOAD, EVENT_CONTAINERD_EXIT, "Ccerl1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_CONTAINERD_EXIT, "Ccr1",	 STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_PREPARED,	"Ccer1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_PREPARE_FAILED,	"CcerP!1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_WATCH_EXIT,	"CcerW1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_RESTART,		"Ccn1",	 STOP_WORKLOAD, ACTION_NONE }, /* it came too late */
	{ STOP_WORKLOAD, EVENT_ENGINE_EXIT,	"Ccnra1", STOP_WORKLOAD, LOST }, /* not on the way down */
	{ STOP_WORKLOAD, EVENT_RELOADED, "CcerW1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_RELOAD_FAILED, "CcerW1", STOP_WORKLOAD, ACTION_NONE },

	{ STOP_WORKLOAD, EVENT_REST_EXIT, "Ccerk1", STOP_WORKLOAD, ACTION_NONE },
	{ STOP_WORKLOAD, EVENT_WORKLOAD_EXIT, "Cerk1", STOP_REST, ACTION_STOP_REST },
	{ STOP_WORKLOAD, EVENT_WORKLOAD_EXIT, "Crk",   STOP_REST, ACTION_STOP_REST }, /* whatever has become of the engine */
	{ STOP_WORKLOAD, EVENT_TERM,	      "Ccerk2", STOP_ENGINE, ACTION_KILL_WORKLOAD | ACTION_KILL_JOB | ACTION_TERM_ENGINE },
	{ STOP_WORKLOAD, EVENT_TERM,	      "Ccerk3", KILL_ENGINE, ACTION_KILL_WORKLOAD | ACTION_KILL_JOB | ACTION_KILL_ENGINE },
	{ STOP_WORKLOAD, EVENT_DEADLINE,      "Ccerk1", STOP_ENGINE, ACTION_KILL_WORKLOAD | ACTION_KILL_JOB | ACTION_TERM_ENGINE },

	/* ---- so has what it leaves ---- */
	{ RUNNING, EVENT_WORKLOAD_EXIT, "Cerk", STOP_REST, ACTION_STOP_REST | ACTION_START_SYNC },
	{ STOP_REST, EVENT_REST_EXIT,	    "Cerk1", STOP_ENGINE, ACTION_TERM_ENGINE },
	{ STOP_REST, EVENT_REST_EXIT,	    "Crk1",  CLEAN_UP, TO_CLEAN_UP },
	{ STOP_REST, EVENT_REST_EXIT,	    "Cdrk1", STOP_CTRD, ACTION_TERM_CONTAINERD },
	{ STOP_REST, EVENT_DEADLINE,	    "Cerk1", STOP_ENGINE, ACTION_KILL_JOB | ACTION_TERM_ENGINE },
	{ STOP_REST, EVENT_DEADLINE,	    "Crk1",  CLEAN_UP, ACTION_KILL_JOB | TO_CLEAN_UP },
	{ STOP_REST, EVENT_TERM,	    "Cerk1", STOP_REST, ACTION_NONE }, /* COMMAND had ended by itself */
	{ STOP_REST, EVENT_TERM,	    "Cerk2", STOP_ENGINE, ACTION_KILL_JOB | ACTION_TERM_ENGINE },
	{ STOP_REST, EVENT_TERM,	    "Cerk3", KILL_ENGINE, ACTION_KILL_JOB | ACTION_KILL_ENGINE },
	{ STOP_REST, EVENT_ENGINE_READY,    "Cek1",  STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_ENGINE_STOPPING, "Cerk1", STOP_REST, ACTION_CLOSE_LISTENERS },
	{ STOP_REST, EVENT_ENGINE_EXIT,	    "Crk1",  STOP_REST, LOST },
	{ STOP_REST, EVENT_WORKLOAD_EXIT,   "Cerk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_WORKLOAD_FAILED, "Cerk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_CLEAN_UP_EXIT,   "Cerk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_HUP,		    "Cerk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_FORWARD,	    "Cerk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_TICK,	    "Cerk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_CONTAINERD_EXIT, "Cerk1", STOP_REST, ACTION_RESTART_CONTAINERD }, /* they may need it */
	{ STOP_REST, EVENT_CONTAINERD_EXIT, "Cerlk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_PREPARED,	    "Cerk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_PREPARE_FAILED,  "CerP!k1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_WATCH_EXIT,	    "CerWk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_RESTART,	    "Ck1",   STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_RELOADED,	    "Cerk1", STOP_REST, ACTION_NONE },
	{ STOP_REST, EVENT_RELOAD_FAILED,   "Cerk1", STOP_REST, ACTION_NONE },
	{ STARTING,    EVENT_REST_EXIT, "Cek",	 STARTING, ACTION_NONE },
	{ RESTARTING,  EVENT_REST_EXIT, "Ck",	 RESTARTING, ACTION_NONE },
	{ PREPARING,   EVENT_REST_EXIT, "CerPpk", PREPARING, ACTION_NONE },
	{ RUNNING,     EVENT_REST_EXIT, "Ccerk", RUNNING, ACTION_NONE },
	/* the helper was killed when its time was over */
	{ STOP_ENGINE, EVENT_REST_EXIT, "Cerk1", STOP_ENGINE, ACTION_NONE },
	{ KILL_CONT,   EVENT_REST_EXIT, "Cerk1", KILL_CONT, ACTION_NONE },
	{ KILL_ENGINE, EVENT_REST_EXIT, "Cerk3", KILL_ENGINE, ACTION_NONE },
	{ STOP_CTRD,   EVENT_REST_EXIT, "Cdrk1", STOP_CTRD, ACTION_NONE },
	{ CLEAN_UP,    EVENT_REST_EXIT, "Crk1",	 CLEAN_UP, ACTION_NONE },
	{ DONE,	       EVENT_REST_EXIT, "Ck3",	 DONE, ACTION_NONE },

	/* ---- dockerd stops its containers ---- */
	{ STOP_ENGINE, EVENT_ENGINE_READY,    "e1",    STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_ENGINE_STOPPING, "er1",   STOP_ENGINE, ACTION_CLOSE_LISTENERS },
	{ STOP_ENGINE, EVENT_ENGINE_EXIT,     "r1",    CLEAN_UP, TO_CLEAN_UP },
	{ STOP_ENGINE, EVENT_ENGINE_EXIT,     "Cr",    CLEAN_UP, TO_CLEAN_UP },
	{ STOP_ENGINE, EVENT_WORKLOAD_EXIT,   "Cer1",  STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_WORKLOAD_FAILED, "Cer",   STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_CLEAN_UP_EXIT,   "er1",   STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_TERM,	      "Cer1",  STOP_ENGINE, ACTION_NONE }, /* COMMAND had ended by itself */
	{ STOP_ENGINE, EVENT_TERM,	      "er2",   KILL_CONT, ACTION_KILL_CONTAINERS },
	{ STOP_ENGINE, EVENT_TERM,	      "er3",   KILL_ENGINE, ACTION_KILL_ENGINE },
	{ STOP_ENGINE, EVENT_TERM,	      "Cr3",   CLEAN_UP, TO_CLEAN_UP },
	{ STOP_ENGINE, EVENT_HUP,	      "er1",   STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_HUP,	      "Ccer1", STOP_ENGINE, ACTION_FORWARD_WORKLOAD }, /* killed, not gone */
	{ STOP_ENGINE, EVENT_FORWARD,	      "er1",   STOP_ENGINE, ACTION_FORWARD_ENGINE },
	{ STOP_ENGINE, EVENT_FORWARD,	      "Cer1",  STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_FORWARD,	      "r1",    STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_DEADLINE,	      "er1",   KILL_CONT, ACTION_KILL_CONTAINERS },
	{ STOP_ENGINE, EVENT_TICK,	      "er1",   STOP_ENGINE, ACTION_KILL_DEAF },

	{ STOP_ENGINE, EVENT_ENGINE_EXIT,     "dr1",   STOP_CTRD, ACTION_TERM_CONTAINERD },
	{ STOP_ENGINE, EVENT_CONTAINERD_EXIT, "er1",   STOP_ENGINE, ACTION_RESTART_CONTAINERD }, /* dockerd needs it */
	{ STOP_ENGINE, EVENT_CONTAINERD_EXIT, "erl1",  STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_PREPARED,	      "er1",   STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_PREPARE_FAILED,  "erP!1", STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_WATCH_EXIT,      "erW1",  STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_RESTART,	      "er1",   STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_RELOADED, "erW1", STOP_ENGINE, ACTION_NONE },
	{ STOP_ENGINE, EVENT_RELOAD_FAILED, "erW1", STOP_ENGINE, ACTION_NONE },

	/* ---- the containers were killed ---- */
	{ KILL_CONT, EVENT_ENGINE_READY,    "e1",    KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_ENGINE_STOPPING, "er1",   KILL_CONT, ACTION_CLOSE_LISTENERS },
	{ KILL_CONT, EVENT_ENGINE_EXIT,	    "r1",    CLEAN_UP, TO_CLEAN_UP },
	{ KILL_CONT, EVENT_WORKLOAD_EXIT,   "Cer1",  KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_WORKLOAD_FAILED, "Cer1",  KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_CLEAN_UP_EXIT,   "er1",   KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_TERM,	    "Cer1",  KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_TERM,	    "er2",   KILL_ENGINE, ACTION_KILL_ENGINE },
	{ KILL_CONT, EVENT_TERM,	    "er3",   KILL_ENGINE, ACTION_KILL_ENGINE },
	{ KILL_CONT, EVENT_HUP,		    "er1",   KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_HUP,		    "Ccer1", KILL_CONT, ACTION_FORWARD_WORKLOAD },
	{ KILL_CONT, EVENT_FORWARD,	    "er1",   KILL_CONT, ACTION_FORWARD_ENGINE },
	{ KILL_CONT, EVENT_DEADLINE,	    "er1",   KILL_ENGINE, ACTION_KILL_ENGINE },
	{ KILL_CONT, EVENT_DEADLINE,	    "r1",    CLEAN_UP, TO_CLEAN_UP },
	{ KILL_CONT, EVENT_TICK,	    "er1",   KILL_CONT, ACTION_NONE },

	{ KILL_CONT, EVENT_ENGINE_EXIT,	    "dr1",   STOP_CTRD, ACTION_TERM_CONTAINERD },
	{ KILL_CONT, EVENT_DEADLINE,	    "dr1",   STOP_CTRD, ACTION_TERM_CONTAINERD },
	{ KILL_CONT, EVENT_CONTAINERD_EXIT, "er1",   KILL_CONT, ACTION_RESTART_CONTAINERD },
	{ KILL_CONT, EVENT_CONTAINERD_EXIT, "erl1",  KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_PREPARED,	    "er1",   KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_PREPARE_FAILED,  "erP!1", KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_WATCH_EXIT,	    "erW1",  KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_RESTART,	    "er1",   KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_RELOADED, "erW1", KILL_CONT, ACTION_NONE },
	{ KILL_CONT, EVENT_RELOAD_FAILED, "erW1", KILL_CONT, ACTION_NONE },

	/* ---- SIGKILL went to dockerd ---- */
	{ KILL_ENGINE, EVENT_ENGINE_READY,    "e1",   KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_ENGINE_STOPPING, "er1",  KILL_ENGINE, ACTION_CLOSE_LISTENERS },
	{ KILL_ENGINE, EVENT_ENGINE_EXIT,     "r1",   CLEAN_UP, TO_CLEAN_UP },
	{ KILL_ENGINE, EVENT_WORKLOAD_EXIT,   "Cer1", KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_WORKLOAD_FAILED, "Cer1", KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_CLEAN_UP_EXIT,   "er1",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_TERM,	      "er3",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_HUP,	      "er1",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_FORWARD,	      "er1",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_DEADLINE,	      "er1",  CLEAN_UP, TO_CLEAN_UP },
	{ KILL_ENGINE, EVENT_TICK,	      "er1",  KILL_ENGINE, ACTION_NONE },

	{ KILL_ENGINE, EVENT_ENGINE_EXIT,     "dr1",  STOP_CTRD, ACTION_TERM_CONTAINERD },
	{ KILL_ENGINE, EVENT_DEADLINE,	      "edr1", STOP_CTRD, ACTION_TERM_CONTAINERD },
	{ KILL_ENGINE, EVENT_CONTAINERD_EXIT, "er1",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_PREPARED,	      "er1",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_PREPARE_FAILED,  "erP!1", KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_WATCH_EXIT,      "erW1", KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_RESTART,	      "er1",  KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_RELOADED, "erW1", KILL_ENGINE, ACTION_NONE },
	{ KILL_ENGINE, EVENT_RELOAD_FAILED, "erW1", KILL_ENGINE, ACTION_NONE },

	/* ---- dockerd is gone, containerd goes ---- */
	{ STOP_CTRD, EVENT_ENGINE_READY,    "edr1", STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_ENGINE_STOPPING, "edr1", STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_ENGINE_EXIT,	    "dr1",  STOP_CTRD, ACTION_NONE }, /* it did not hang for ever */
	{ STOP_CTRD, EVENT_WORKLOAD_EXIT,   "Cdr1", STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_WORKLOAD_FAILED, "Cdr1", STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_CLEAN_UP_EXIT,   "dr1",  STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_TERM,	    "dr1",  STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_TERM,	    "dr2",  CLEAN_UP, TO_CLEAN_UP },
	{ STOP_CTRD, EVENT_TERM,	    "dr3",  CLEAN_UP, TO_CLEAN_UP },
	{ STOP_CTRD, EVENT_HUP,		    "dr1",  STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_FORWARD,	    "dr1",  STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_DEADLINE,	    "dr1",  CLEAN_UP, TO_CLEAN_UP },
	{ STOP_CTRD, EVENT_TICK,	    "dr1",  STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_CONTAINERD_EXIT, "r1",   CLEAN_UP, TO_CLEAN_UP },
	{ STOP_CTRD, EVENT_CONTAINERD_EXIT, "rl1",  CLEAN_UP, TO_CLEAN_UP },
	{ STOP_CTRD, EVENT_PREPARED,	    "dr1",  STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_PREPARE_FAILED,  "drP!1", STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_WATCH_EXIT,	    "drW1", STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_RESTART,	    "d1",   STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_RELOADED, "drW1", STOP_CTRD, ACTION_NONE },
	{ STOP_CTRD, EVENT_RELOAD_FAILED, "drW1", STOP_CTRD, ACTION_NONE },

	/* ---- unmounting ---- */
	{ CLEAN_UP, EVENT_ENGINE_READY,	   "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_ENGINE_STOPPING, "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_ENGINE_EXIT,	   "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_WORKLOAD_EXIT,   "Cr1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_WORKLOAD_FAILED, "Cr1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_CLEAN_UP_EXIT,   "r1",  DONE, ACTION_NONE },
	{ CLEAN_UP, EVENT_TERM,		   "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_TERM,		   "r2",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_TERM,		   "r3",  DONE, ACTION_KILL_CLEAN_UP },
	{ CLEAN_UP, EVENT_HUP,		   "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_FORWARD,	   "er1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_DEADLINE,	   "r1",  DONE, ACTION_KILL_CLEAN_UP },
	{ CLEAN_UP, EVENT_TICK,		   "r1",  CLEAN_UP, ACTION_NONE },

	{ CLEAN_UP, EVENT_CONTAINERD_EXIT, "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_CONTAINERD_EXIT, "erl1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_PREPARED,	   "r1",  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_PREPARE_FAILED,  "rP!1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_WATCH_EXIT,	   "rW1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_RESTART,	   "1",	  CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_RELOADED, "rW1", CLEAN_UP, ACTION_NONE },
	{ CLEAN_UP, EVENT_RELOAD_FAILED, "rW1", CLEAN_UP, ACTION_NONE },

	/* ---- done ---- */
	{ DONE, EVENT_ENGINE_READY,    "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_ENGINE_STOPPING, "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_ENGINE_EXIT,     "Ccr3",	DONE, ACTION_NONE },
	{ DONE, EVENT_WORKLOAD_EXIT,   "Cer3",	DONE, ACTION_NONE },
	{ DONE, EVENT_WORKLOAD_FAILED, "Cer3",	DONE, ACTION_NONE },
	{ DONE, EVENT_CLEAN_UP_EXIT,   "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_TERM,	       "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_HUP,	       "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_FORWARD,	       "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_DEADLINE,	       "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_TICK,	       "Ccer3", DONE, ACTION_NONE },
	{ DONE, EVENT_CONTAINERD_EXIT, "Ccerl3", DONE, ACTION_NONE },
	{ DONE, EVENT_PREPARED,	       "CcerP3", DONE, ACTION_NONE },
	{ DONE, EVENT_PREPARE_FAILED,  "CcerP!3", DONE, ACTION_NONE },
	{ DONE, EVENT_WATCH_EXIT,      "CcerWw3", DONE, ACTION_NONE },
	{ DONE, EVENT_RESTART,	       "C3",	DONE, ACTION_NONE },
	{ DONE, EVENT_RELOADED, "CcerWw3", DONE, ACTION_NONE },
	{ DONE, EVENT_RELOAD_FAILED, "CcerWw3", DONE, ACTION_NONE },
};

/* clang-format on */

static struct supervise_view parse_view(const char *letters)
{
	struct supervise_view view = { .wait_for_ready = true };
	const struct {
		char letter;
		bool *flag;
	} flags[] = {
		{ 'C', &view.has_workload },	{ 'c', &view.workload_running },
		{ 'e', &view.engine_running },	{ 'r', &view.engine_was_ready },
		{ 'h', &view.hup_held },	{ 'd', &view.containerd_running },
		{ 'l', &view.containerd_lost }, { 'P', &view.has_prepare },
		{ 'p', &view.prepare_running }, { '!', &view.prepare_required },
		{ 'W', &view.has_watch },	{ 'w', &view.watch_running },
		{ 'a', &view.engine_restarts }, { 'R', &view.has_reload },
		{ 'g', &view.reload_running },	{ 'k', &view.has_rest },
	};

	for (; *letters; letters++) {
		bool known = *letters == 'n';

		if (known)
			view.wait_for_ready = false;
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			if (flags[i].letter == *letters)
				known = *flags[i].flag = true;
		}
		if (known)
			continue;
		ck_assert_int_ge(*letters, '0');
		ck_assert_int_le(*letters, '9');
		view.terms = *letters - '0';
	}
	return view;
}

START_TEST(row_is_decided)
{
	const struct row *row = &rows[_i];
	struct supervise_view view = parse_view(row->view);
	struct supervise_decision got = supervise_decide(row->state, row->event, &view);

	ck_assert_msg(got.next == row->next && got.actions == row->actions,
		      "%s × %s × \"%s\": got %s %#x instead of %s %#x",
		      supervise_state_name(row->state), supervise_event_name(row->event), row->view,
		      supervise_state_name(got.next), got.actions, supervise_state_name(row->next),
		      row->actions);
}
END_TEST

START_TEST(every_state_and_event_has_a_row)
{
	bool seen[STATE_COUNT][EVENT_COUNT] = { { false } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		seen[rows[i].state][rows[i].event] = true;
	for (int state = 0; state < STATE_COUNT; state++)
		for (int event = 0; event < EVENT_COUNT; event++)
			ck_assert_msg(seen[state][event], "%s × %s is in no row",
				      supervise_state_name(state), supervise_event_name(event));
}
END_TEST

/* Every view there can be, and some that cannot. */
#define N_FLAGS 17
#define N_VIEWS ((1 << N_FLAGS) * 5)

static struct supervise_view view_number(int i)
{
	return (struct supervise_view){
		.has_workload = i & 1 << 0,
		.workload_running = i & 1 << 1,
		.engine_running = i & 1 << 2,
		.wait_for_ready = i & 1 << 3,
		.engine_was_ready = i & 1 << 4,
		.hup_held = i & 1 << 5,
		.containerd_running = i & 1 << 6,
		.containerd_lost = i & 1 << 7,
		.has_prepare = i & 1 << 8,
		.prepare_running = i & 1 << 9,
		.prepare_required = i & 1 << 10,
		.has_watch = i & 1 << 11,
		.watch_running = i & 1 << 12,
		.engine_restarts = i & 1 << 13,
		.has_reload = i & 1 << 14,
		.reload_running = i & 1 << 15,
		.has_rest = i & 1 << 16,
		.terms = i >> N_FLAGS,
	};
}

/* There are too many for Check to note each. */
#define REQUIRE(condition)                                                                     \
	do {                                                                                   \
		if (!(condition))                                                              \
			ck_abort_msg("%s × %s × view %d: not %s", supervise_state_name(state), \
				     supervise_event_name(event), i, #condition);              \
	} while (0)

START_TEST(nothing_goes_back_whatever_the_view)
{
	int state = _i; /* more than there is: what is not in the enumeration is defined as well */

	for (int event = 0; event <= EVENT_COUNT + 1; event++) {
		for (int i = 0; i < N_VIEWS; i++) {
			struct supervise_view view = view_number(i);
			struct supervise_decision d = supervise_decide(state, event, &view);
			int last = state < STATE_DONE ? state : STATE_DONE;
			bool again = event == EVENT_ENGINE_EXIT && view.engine_restarts &&
				     state <= STATE_RUNNING;

			/* but for an engine that is started again, in two steps */
			if (again && state != STATE_RESTARTING)
				REQUIRE(d.next == STATE_RESTARTING);
			else if (state == STATE_RESTARTING && event == EVENT_RESTART)
				REQUIRE(d.next == STATE_STARTING);
			else
				REQUIRE((int) d.next >= last && d.next <= STATE_DONE);
			REQUIRE(d.actions >> 31 == 0);
			if (state >= STATE_DONE || event >= EVENT_COUNT)
				REQUIRE((int) d.next == last && d.actions == ACTION_NONE);
		}
	}
}
END_TEST

static bool has(const struct supervise_decision *d, unsigned int actions)
{
	return d->actions & actions;
}

START_TEST(actions_belong_to_their_transitions)
{
	int state = _i;

	for (int event = 0; event < EVENT_COUNT; event++) {
		for (int i = 0; i < N_VIEWS; i++) {
			struct supervise_view view = view_number(i);
			struct supervise_decision d = supervise_decide(state, event, &view);
			bool moves = (int) d.next != state;

			/* dockerd gets its TERM on the way into the phase that waits for it,
			 * nowhere else; so with its SIGKILL, so with everybody's */
			REQUIRE(has(&d, ACTION_TERM_ENGINE) ==
				(moves && d.next == STATE_STOP_ENGINE));
			REQUIRE(has(&d, ACTION_STOP_REST) == (moves && d.next == STATE_STOP_REST));
			/* COMMAND's time is over when the engine's begins, for all that is its */
			if (has(&d, ACTION_KILL_JOB))
				REQUIRE(moves &&
					(state == STATE_STOP_WORKLOAD || state == STATE_STOP_REST));
			if (view.has_rest && has(&d, ACTION_KILL_WORKLOAD))
				REQUIRE(has(&d, ACTION_KILL_JOB));
			REQUIRE(has(&d, ACTION_KILL_ENGINE) ==
				(moves && d.next == STATE_KILL_ENGINE));
			REQUIRE(has(&d, ACTION_KILL_CONTAINERS) ==
				(moves && d.next == STATE_KILL_CONTAINERS));
			REQUIRE(has(&d, ACTION_TERM_CONTAINERD) ==
				(moves && d.next == STATE_STOP_CONTAINERD));
			REQUIRE(has(&d, ACTION_KILL_REST) == (moves && d.next == STATE_CLEAN_UP));
			REQUIRE(has(&d, ACTION_START_CLEAN_UP) ==
				(moves && d.next == STATE_CLEAN_UP));
			REQUIRE(has(&d, ACTION_START_PREPARE) ==
				(moves && d.next == STATE_PREPARING));
			REQUIRE(has(&d, ACTION_ANNOUNCE_READY) ==
				(moves && d.next == STATE_RUNNING));
			REQUIRE(has(&d, ACTION_PAUSE) == (moves && d.next == STATE_RESTARTING));
			REQUIRE(has(&d, ACTION_START_ENGINE) ==
				(moves && d.next == STATE_STARTING));
			/* clients of the next one wait in the sockets */
			if (d.next == STATE_RESTARTING)
				REQUIRE(!has(&d, ACTION_CLOSE_LISTENERS | ACTION_TERM_WORKLOAD |
							 ACTION_TERM_CONTAINERD));
			/* nobody is started on the way down, but what the engine cannot do without
			 */
			if (state > STATE_PREPARING)
				REQUIRE(!has(&d, ACTION_START_WORKLOAD | ACTION_START_WATCH));
			if (state >= STATE_KILL_ENGINE || !view.engine_running)
				REQUIRE(!has(&d, ACTION_RESTART_CONTAINERD));
			if (d.next != STATE_RUNNING)
				REQUIRE(!has(&d, ACTION_RESTART_WATCH | ACTION_START_WATCH));
			/* who is not there gets no signal */
			if (!view.workload_running)
				REQUIRE(!has(&d, ACTION_TERM_WORKLOAD | ACTION_FORWARD_WORKLOAD));
			if (!view.engine_running)
				REQUIRE(!has(&d, ACTION_TERM_ENGINE | ACTION_KILL_ENGINE |
							 ACTION_FORWARD_ENGINE |
							 ACTION_HUP_ENGINE));
			if (!view.has_reload || state > STATE_RUNNING)
				REQUIRE(!has(&d, ACTION_RELOAD) || event == EVENT_RELOADED ||
					event == EVENT_RELOAD_FAILED);
			if (state > STATE_RUNNING)
				REQUIRE(!has(&d, ACTION_RELOAD | ACTION_HUP_ENGINE));
			if (!view.containerd_running)
				REQUIRE(!has(&d, ACTION_TERM_CONTAINERD));
			if (!view.prepare_running)
				REQUIRE(!has(&d, ACTION_KILL_PREPARE));
			if (!view.watch_running)
				REQUIRE(!has(&d, ACTION_TERM_WATCH));
			/* and who is there is told at the first step down */
			if (state <= STATE_RUNNING && d.next > STATE_RUNNING) {
				REQUIRE(has(&d, ACTION_KILL_PREPARE) == view.prepare_running);
				REQUIRE(has(&d, ACTION_TERM_WATCH) == view.watch_running);
			}
			/* with a COMMAND other signals are its own */
			if (view.has_workload)
				REQUIRE(!has(&d, ACTION_FORWARD_ENGINE));
			/* clients must not wait for an engine that is not coming back */
			if (d.next == STATE_CLEAN_UP && moves)
				REQUIRE(has(&d, ACTION_CLOSE_LISTENERS));
		}
	}
}
END_TEST

/* ---- every path ---- */

/* The world as far as decisions depend on it or are checked. */
struct world {
	enum supervise_state state;
	struct supervise_view view;
	int restarts; /* of containerd */
	int left;     /* restarts of the engine that are left */
	int stop_rest, kill_job;
	int workloads, term_engine, kill_engine, term_workload, term_containerd, prepares, watches,
		syncs; /* times, 2 stands for more */
};

#define MAX_TERMS    4
#define MAX_WORLDS   60000
#define MAX_RESTARTS 2

static struct world worlds[MAX_WORLDS];
static size_t n_worlds;
static unsigned long n_steps;
static bool has_containerd, leaves_rest; /* in all of them */

/* Those that are there, by their bytes: number + 1, 0 is free. */
#define N_SLOTS (1u << 18)
static unsigned int slots[N_SLOTS];

static void add_world(const struct world *world)
{
	const unsigned char *bytes = (const unsigned char *) world;
	unsigned int hash = 2166136261u;

	for (size_t i = 0; i < sizeof(*world); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	for (;; hash++) {
		unsigned int *slot = &slots[hash % N_SLOTS];

		if (*slot && memcmp(&worlds[*slot - 1], world, sizeof(*world)) == 0)
			return;
		if (*slot)
			continue;
		ck_assert_uint_lt(n_worlds, MAX_WORLDS);
		worlds[n_worlds++] = *world;
		*slot = (unsigned int) n_worlds;
		return;
	}
}

static int times(int so_far, unsigned int actions, enum supervise_action action)
{
	return so_far < 2 && actions & action ? so_far + 1 : so_far;
}

static void check_world(const struct world *world)
{
	ck_assert_int_le(world->workloads, 1);
	ck_assert_int_le(world->term_engine, 1);
	ck_assert_int_le(world->kill_engine, 1);
	ck_assert_int_le(world->term_workload, 1);
	ck_assert_int_le(world->syncs, 1);
	ck_assert_int_le(world->term_containerd, 1);
	ck_assert_int_le(world->prepares, 1);
	ck_assert_int_le(world->watches, 1);
	ck_assert_int_le(world->stop_rest, 1);
	ck_assert_int_le(world->kill_job, 1);
}

/* What the kernel may bring in this world, with what it changes. False: that cannot happen. */
static bool happens(enum supervise_event event, struct world *world)
{
	switch (event) {
	case EVENT_ENGINE_READY:
	case EVENT_ENGINE_STOPPING:
		return world->view.engine_running;
	case EVENT_ENGINE_EXIT:
		if (!world->view.engine_running)
			return false;
		world->view.engine_running = false;
		world->view.engine_restarts = world->left > 0 && world->state <= STATE_RUNNING;
		world->left -= world->view.engine_restarts;
		return true;
	case EVENT_RESTART:
		return world->state == STATE_RESTARTING;
	case EVENT_WORKLOAD_EXIT:
		if (!world->view.workload_running)
			return false;
		world->view.workload_running = false;
		return true;
	case EVENT_WORKLOAD_FAILED: /* follows ACTION_START_WORKLOAD at once, see step() */
		return false;
	case EVENT_CLEAN_UP_EXIT:
		return world->state == STATE_CLEAN_UP;
	case EVENT_REST_EXIT: /* killed, it ends later */
		return world->state >= STATE_STOP_REST && world->stop_rest;
	case EVENT_TERM:
		if (world->view.terms == MAX_TERMS)
			return false;
		world->view.terms++;
		return true;
	case EVENT_CONTAINERD_EXIT:
		if (!world->view.containerd_running)
			return false;
		world->view.containerd_running = false;
		world->view.containerd_lost = world->restarts == MAX_RESTARTS;
		return true;
	case EVENT_PREPARED:
	case EVENT_PREPARE_FAILED:
		if (!world->view.prepare_running)
			return false;
		world->view.prepare_running = false;
		return true;
	case EVENT_WATCH_EXIT:
		if (!world->view.watch_running)
			return false;
		world->view.watch_running = false;
		return true;
	case EVENT_RELOADED:
	case EVENT_RELOAD_FAILED:
		if (!world->view.reload_running)
			return false;
		world->view.reload_running = false;
		return true;
	case EVENT_TICK:
	case EVENT_DEADLINE:
	case EVENT_HUP:
	case EVENT_FORWARD:
		return true;
	case EVENT_COUNT:
		break;
	}
	return false;
}

static void step(struct world world, enum supervise_event event)
{
	struct supervise_decision d = supervise_decide(world.state, event, &world.view);

	n_steps++;
	world.state = d.next;
	world.term_engine = times(world.term_engine, d.actions, ACTION_TERM_ENGINE);
	world.kill_engine = times(world.kill_engine, d.actions, ACTION_KILL_ENGINE);
	world.term_workload = times(world.term_workload, d.actions, ACTION_TERM_WORKLOAD);
	world.syncs = times(world.syncs, d.actions, ACTION_START_SYNC);
	world.stop_rest = times(world.stop_rest, d.actions, ACTION_STOP_REST);
	world.kill_job = times(world.kill_job, d.actions, ACTION_KILL_JOB);
	world.term_containerd = times(world.term_containerd, d.actions, ACTION_TERM_CONTAINERD);
	world.prepares = times(world.prepares, d.actions, ACTION_START_PREPARE);
	world.watches = times(world.watches, d.actions, ACTION_START_WATCH);
	if (d.actions & (ACTION_ANNOUNCE_READY | ACTION_START_PREPARE))
		world.view.engine_was_ready = true;
	if (d.actions & ACTION_START_PREPARE)
		world.view.prepare_running = true;
	if (d.actions & ACTION_START_WATCH)
		world.view.watch_running = true;
	if (d.actions & ACTION_RESTART_CONTAINERD) {
		world.view.containerd_running = true;
		world.restarts++;
	}
	world.workloads = times(world.workloads, d.actions, ACTION_START_WORKLOAD);
	if (d.actions & ACTION_PAUSE)
		world.view.engine_was_ready = false;
	if (d.actions & ACTION_ANNOUNCE_READY)
		world.view.has_prepare = false;
	if (d.actions & ACTION_START_ENGINE) {
		world.view.engine_running = true;
		world.view.engine_restarts = false;
		world.view.containerd_running = has_containerd;
		world.prepares = world.watches = 0; /* each engine has its own */
	}
	if (d.actions & ACTION_START_WORKLOAD)
		world.view.wait_for_ready = false;
	if (d.actions & ACTION_HOLD_HUP)
		world.view.hup_held = true;
	if (d.actions & ACTION_SEND_HELD_HUP)
		world.view.hup_held = false;
	if (d.actions & ACTION_RELOAD) {
		/* never two at a time */
		ck_assert(!world.view.reload_running);
		world.view.hup_held = false;
		world.view.reload_running = true;
	}
	check_world(&world);
	if (d.actions & ACTION_START_WORKLOAD) {
		struct world failed = world;

		step(failed, EVENT_WORKLOAD_FAILED);
		world.view.workload_running = true;
		world.view.has_rest = leaves_rest;
	}
	add_world(&world);
}

static void walk(const char *start)
{
	struct world world;

	memset(&world, 0, sizeof(world));
	world.view = parse_view(start);
	has_containerd = world.view.containerd_running;
	leaves_rest = world.view.has_rest;
	world.view.has_rest = leaves_rest && world.view.workload_running;
	world.left = world.view.engine_restarts;
	world.view.engine_restarts = false;
	n_worlds = 0;
	memset(slots, 0, sizeof(slots));
	add_world(&world);
	for (size_t i = 0; i < n_worlds; i++) {
		for (int event = 0; event < EVENT_COUNT; event++) {
			world = worlds[i];
			if (happens(event, &world))
				step(world, event);
		}
	}
}

static const char *const starts[] = {
	"e",				   /* the engine alone */
	"Ce",				   /* COMMAND waits for it */
	"Ccen",				   /* --no-wait */
	"edPW",				   /* with everything beside it */
	"CedP!W", "CcendP!", "ea",	   /* all of that with one restart */
	"Cea",	  "Ccena",   "edPWa", "e", /* the engine alone */
	"Ce",				   /* COMMAND waits for it */
	"Ccen",				   /* --no-wait */
	"edPW",				   /* with everything beside it */
	"CedP!W", "CcendP!", "eR",    "CeR", "Cek", "Ccenk", "CedPWk",
};

START_TEST(each_signal_goes_out_once_on_every_path)
{
	bool done = false;

	walk(starts[_i]);
	for (size_t i = 0; i < n_worlds; i++)
		done = done || worlds[i].state == STATE_DONE;
	ck_assert(done);
	ck_assert_uint_gt(n_steps, 500); /* else nothing was looked at */
}
END_TEST

/* Whatever has happened before: when nothing happens any more but that time passes, it ends. */
START_TEST(time_alone_ends_every_stop)
{
	walk(starts[_i]);
	for (size_t i = 0; i < n_worlds; i++) {
		struct world world = worlds[i];
		int steps = 0;

		/* running: for as long as nobody wants something else */
		for (; world.state != STATE_RUNNING && world.state != STATE_DONE; steps++) {
			bool again = world.state == STATE_RESTARTING;

			ck_assert_int_lt(steps, 8);
			world.state = supervise_decide(world.state,
						       again ? EVENT_RESTART : EVENT_DEADLINE,
						       &world.view)
					      .next;
		}
	}
}
END_TEST

/* And with three TERMs it ends before anybody's time is up. */
START_TEST(a_third_term_leaves_nothing_but_the_clean_up)
{
	walk(starts[_i]);
	for (size_t i = 0; i < n_worlds; i++)
		if (worlds[i].view.terms >= 3)
			ck_assert_int_ge((int) worlds[i].state, STATE_KILL_ENGINE);
}
END_TEST

START_TEST(names_are_all_there)
{
	for (int state = 0; state < STATE_COUNT; state++)
		ck_assert_str_ne(supervise_state_name(state), "unknown");
	for (int event = 0; event < EVENT_COUNT; event++)
		ck_assert_str_ne(supervise_event_name(event), "unknown");
	ck_assert_str_eq(supervise_state_name(STATE_COUNT), "unknown");
	ck_assert_str_eq(supervise_event_name(EVENT_COUNT), "unknown");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("decide");
	TCase *tc = tcase_create("decide");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, row_is_decided, 0, ARRAY_SIZE(rows));
	tcase_add_test(tc, every_state_and_event_has_a_row);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, nothing_goes_back_whatever_the_view, 0, STATE_COUNT + 2);
	tcase_add_loop_test(tc, actions_belong_to_their_transitions, 0, STATE_COUNT);
	tcase_add_loop_test(tc, each_signal_goes_out_once_on_every_path, 0, ARRAY_SIZE(starts));
	tcase_add_loop_test(tc, time_alone_ends_every_stop, 0, ARRAY_SIZE(starts));
	tcase_add_loop_test(tc, a_third_term_leaves_nothing_but_the_clean_up, 0,
			    ARRAY_SIZE(starts));
	tcase_add_test(tc, names_are_all_there);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
