/* The clock of an animation: play, pause, step, seek.

   const player = new Player({ last: animation.steps, onframe: draw, onstate: showButton });
   player.play();

   A frame is a number of gradient evaluations, so that nobody is shown further than was paid for. */

const SECONDS = 8; // an animation at speed 1, whatever its length

/** The clock: it moves by gradient evaluations, the same for everybody, and stops at the last. */
export class Player {
  /** onframe(frame) is called for each new frame, onstate(playing) when it starts or stops. */
  constructor({ last, onframe = () => {}, onstate = () => {} }) {
    Object.assign(this, { last, onframe, onstate, frame: 0, speed: 1, playing: false, _exact: 0, _asked: 0, _before: 0 });
  }

  play() {
    if (this.playing) return;
    if (this.frame >= this.last) this._move(0);
    this.playing = true;
    this._before = performance.now();
    this._asked = requestAnimationFrame((now) => this._tick(now));
    this.onstate(true);
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this._asked);
    this._move(Math.round(this._exact));
    this.onstate(false);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** So many evaluations forward, or back where negative; it pauses. */
  step(by) {
    this.pause();
    this._move(Math.round(this.frame) + by);
  }

  /** To a frame; whether it plays stays as it is. */
  seek(frame) {
    this._move(frame);
  }

  _move(frame) {
    this._exact = this.frame = Math.min(this.last, Math.max(0, frame));
    this.onframe(this.frame);
  }

  _tick(now) {
    const seconds = Math.min(0.1, (now - this._before) / 1000); // a tab that slept goes on where it was
    this._before = now;
    this._move(this._exact + (seconds * this.speed * this.last) / SECONDS);
    if (this.frame >= this.last) this.pause();
    else if (this.playing) this._asked = requestAnimationFrame((then) => this._tick(then));
  }
}
