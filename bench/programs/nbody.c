/* Five bodies under gravity, leap-frog steps: floating point. Prints seconds and the energy, as a check. */
#include <math.h>
#include "clock.h"

enum { BODIES = 5, STEPS = 2000000 };
struct body { double x[3], v[3], mass; };

static struct body bodies[BODIES] = {
  {{0, 0, 0}, {0, 0, 0}, 39.5},
  {{4.8, -1.2, -0.1}, {0.6, 2.8, -0.02}, 0.038},
  {{8.3, 4.1, -0.4}, {-1.0, 1.8, 0.008}, 0.011},
  {{12.9, -15.1, -0.2}, {1.1, 0.87, -0.01}, 0.0017},
  {{15.4, -25.9, 0.2}, {0.98, 0.59, -0.03}, 0.002},
};

static void step(double dt) {
  for (int i = 0; i < BODIES; i++)
    for (int j = i + 1; j < BODIES; j++) {
      double d[3], square = 0;
      for (int k = 0; k < 3; k++) { d[k] = bodies[i].x[k] - bodies[j].x[k]; square += d[k] * d[k]; }
      double pull = dt / (square * sqrt(square));
      for (int k = 0; k < 3; k++) {
        bodies[i].v[k] -= d[k] * bodies[j].mass * pull;
        bodies[j].v[k] += d[k] * bodies[i].mass * pull;
      }
    }
  for (int i = 0; i < BODIES; i++)
    for (int k = 0; k < 3; k++) bodies[i].x[k] += dt * bodies[i].v[k];
}

static double kinetic_energy(void) {
  double sum = 0;
  for (int i = 0; i < BODIES; i++)
    for (int k = 0; k < 3; k++) sum += 0.5 * bodies[i].mass * bodies[i].v[k] * bodies[i].v[k];
  return sum;
}

int main(void) {
  double start = now();
  for (int i = 0; i < STEPS; i++) step(0.001);
  printf("%.6f %.6f\n", now() - start, kinetic_energy());
  return 0;
}
