// SPDX-License-Identifier: GPL-2.0-or-later
// Refreshes the page while somebody looks at it. Without this script the page says the same, once.
"use strict";
(() => {
	const every = 5000, patience = 4000;
	const live = document.getElementById("live");
	let since = 0, timer = 0, busy = false;

	const say = (words, lost) => {
		if (live.textContent !== words)
			live.textContent = words;
		document.body.classList.toggle("offline", lost);
	};

	// what the reader has opened, and where the focus is, stay
	const keep = (from, to) => {
		const focus = document.activeElement, inside = focus && from.contains(focus);
		const path = inside && focus.closest("[id]"), summary = inside && focus.tagName === "SUMMARY";

		for (const old of from.querySelectorAll("details[open]")) {
			const same = to.querySelector("#" + old.id);

			if (same)
				same.open = true;
		}
		return () => {
			const same = path && document.getElementById(path.id);

			if (same)
				(summary ? same.querySelector("summary") : same).focus({ preventScroll: true });
		};
	};

	const selecting = (main) => {
		const s = getSelection();

		return s && !s.isCollapsed && main.contains(s.anchorNode);
	};

	const replace = (text) => {
		const main = document.getElementById("main");
		const page = new DOMParser().parseFromString(text, "text/html"), fresh = page.getElementById("main");
		const headline = (m) => (m.querySelector("#verdict") || m).textContent;

		if (!fresh)
			throw new Error("no page");
		if (selecting(main))
			return;
		// numbers in it rise while it fills: only another verdict is worth being read out
		const words = headline(fresh).split(/[,0-9]/)[0], changed = headline(main).split(/[,0-9]/)[0] !== words;
		const focus = keep(main, fresh), x = scrollX, y = scrollY;

		document.title = page.title;
		main.replaceWith(document.adoptNode(fresh));
		focus();
		if (scrollX !== x || scrollY !== y)
			scrollTo({ left: x, top: y, behavior: "instant" });
		if (changed)
			fresh.classList.add("changed");
		say(changed ? "Now: " + words.trim() : "Live", false);
	};

	const lost = () => {
		since = since || Date.now();
		say("Connection lost " + Math.round((Date.now() - since) / 1000) + " s ago: what you see is old", true);
	};

	const look = async () => {
		if (busy || document.hidden)
			return;
		busy = true;
		try {
			const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(patience) });

			if (!answer.ok)
				throw new Error(answer.status);
			replace(await answer.text());
			since = 0;
		} catch (e) {
			lost();
		}
		busy = false;
	};

	const run = () => {
		clearInterval(timer);
		if (!document.hidden)
			timer = setInterval(look, every);
	};

	document.addEventListener("visibilitychange", () => { run(); look(); });
	document.querySelector(".refresh").addEventListener("click", (e) => { e.preventDefault(); look(); });
	say("Live", false);
	run();
})();
