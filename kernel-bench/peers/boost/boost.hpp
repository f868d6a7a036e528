/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * boost.hpp - what the rows with Boost.Fiber share: how a fiber is started, the
 * permit, and the threads; boost.cpp tells what differs from weft.
 */
#ifndef BOOST_H
#define BOOST_H

#include "../peer.h"

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/fiber/all.hpp>

namespace bf = boost::fibers;

#define STACK_SIZE (16 * 1024)
#define CHAN_MANY 4

template <typename F> static inline bf::fiber start(F fn)
{
	return bf::fiber(bf::launch::post, std::allocator_arg,
			 bf::fixedsize_stack(STACK_SIZE), fn);
}

/* The permit of weft's parker, of what there is here. */
struct permit_fiber {
	bf::mutex lock;
	bf::condition_variable cond;
	bool given = false;

	void give()
	{
		std::unique_lock<bf::mutex> hold(lock);

		given = true;
		cond.notify_one();
	}

	void wait()
	{
		std::unique_lock<bf::mutex> hold(lock);

		cond.wait(hold, [this] { return given; });
		given = false;
	}
};

/*
 * As many threads as the run has processors, this one among them.  The others
 * run what they can steal, until the end.
 */
struct threads {
	permit_fiber over[CPUS_MAX];
	std::vector<std::thread> others;

	explicit threads(unsigned int procs)
	{
		unsigned int i;

		if (procs == 1)
			return;
		for (i = 1; i < procs; i++)
			others.emplace_back([this, i, procs] {
				algorithm(procs);
				over[i].wait();
			});
		algorithm(procs);
	}

	/* Returns when all of them have come here. */
	static void algorithm(unsigned int procs)
	{
		bf::use_scheduling_algorithm<bf::algo::work_stealing>(procs);
	}

	~threads()
	{
		unsigned int i;

		for (i = 0; i < others.size(); i++)
			over[i + 1].give();
		for (auto &t : others)
			t.join();
	}
};

/* sync.cpp: arg is how many send, and how many receive. */
void chan_row(struct run *r);
void pingpong(struct run *r);

/* sync.cpp: arg is how many. */
void mutex_row(struct run *r);
void cond_pingpong(struct run *r);
void sem_pingpong(struct run *r);
void sleepers(struct run *r);

#endif /* BOOST_H */
